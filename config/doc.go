// Package config holds LSF's settings: their defaults, their rules, and where
// they come from. Later sources win:
//
//  1. Default
//  2. /etc/lsf/config.toml
//  3. /etc/lsf/config.d/*.toml, in the order of their names
//  4. the environment: LSF_ROOT, LSF_MODE, LSF_TRACE, LSF_DEBUG,
//     LSF_ENGINE, LSF_RELEASE
//  5. flags of the command
//
// The files are TOML: strings and booleans at top level, nothing else. This
// package reads them by itself because lsf-binfmt starts for every exec and
// the usual libraries cost it 0.1 ms (go-toml) to 0.75 ms (viper). The
// installer reads the same files with viper in package config/load, and a
// fuzz test there shows that both agree.
//
// Nothing here looks at the process's own environment: lsf-binfmt's Go runtime
// is started with an empty one.
package config
