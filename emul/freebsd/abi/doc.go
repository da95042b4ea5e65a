// Package abi holds FreeBSD/amd64's numbers, flags and memory layouts: what a
// guest means. It imports nothing, does nothing, and never speaks of Linux;
// package xlat converts. Sizes and offsets are asserted in its tests.
//
// The source of each fact is the FreeBSD header named beside it (13.2 unless
// another release is named).
package abi
