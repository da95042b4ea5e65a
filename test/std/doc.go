// Package std tests Go's standard library as FreeBSD programs, started by their
// names through an entry in binfmt_misc, and compares what fails with
// known-failures.txt: a test that fails and is not listed there, or is listed
// and passes, fails the run.
//
// What is tested, and how:
//
//	LSF_TEST_STD   "core" (the default): the packages that talk to the kernel;
//	               "all": every package that has tests; or a list of packages
//	LSF_STD_RUN    only the tests that this pattern matches, as go test -run has it
//	LSF_ENGINE     only this engine, sud or ptrace; else both for the core
//	LSF_STD_CACHE  where test programs are kept from run to run
//	               (default: lsf-std in the user's cache directory)
//
// A table with the results of each package goes to summary.tsv in the cache.
package std
