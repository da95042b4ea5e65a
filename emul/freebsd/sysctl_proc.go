package freebsd

import (
	"strings"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// sysctlProc is kern.proc.*: what the supervisor knows of its own guests.
// Other processes are as invisible as those of another jail.
func sysctlProc() []ctl {
	const rd = abi.CTLFLAG_RD
	return []ctl{
		{"kern.proc.pathname", abi.KERN_PROC_PATHNAME, rd, nodeOf(procPathname), "Process executable path"},
		{"kern.proc.args", abi.KERN_PROC_ARGS, rd, nodeOf(procArgs), "Process argument list"},
		{"kern.proc.osrel", abi.KERN_PROC_OSREL, rd, nodeOf(procOsrel), "Process binary osreldate"},
		{"kern.proc.ps_strings", abi.KERN_PROC_PS_STRINGS, rd, nodeOf(procPsStrings), "Process ps_strings location"},
	}
}

// procArg gives the process that the number behind the name means; -1 is the caller.
func procArg(r *sysctlReq) (*process, error) {
	if len(r.rest) != 1 {
		return nil, abi.EINVAL
	}
	if r.rest[0] == -1 {
		return r.p, nil
	}
	p := r.t.Loop().Process(int(r.rest[0]))
	if p == nil {
		return nil, abi.ESRCH
	}
	return p.OS.(*process), nil
}

func procPathname(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(p.image.path, "/") {
		return nil, abi.ENOENT // its directory was gone when it was started
	}
	return cstring(p.image.path), nil
}

func procArgs(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	return []byte(strings.Join(p.image.argv, "\x00") + "\x00"), nil
}

func procOsrel(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	return int32s(p.osreldate), nil
}

func procPsStrings(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	return int32s(int32(p.image.psStrings), int32(p.image.psStrings>>32)), nil
}
