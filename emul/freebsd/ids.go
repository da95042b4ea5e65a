package freebsd

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Who a process is: user and group IDs, login names.
//
// FreeBSD's IDs belong to the process, Linux's to each thread. So the process
// keeps a log of what has changed them, and every thread makes up for what it
// has missed before its next system call (catchUp).

// procIDs is the part of a process's state that is kept here.
type procIDs struct {
	log   []idChange
	sugid bool // the IDs have changed since exec (P_SUGID)
	login *string
	class string
}

// threadIDs says how far a thread has followed its process's log.
type threadIDs struct {
	done int
}

// idChange is one host call that changes IDs. The groups of setgroups are kept
// here, because they lie in scratch memory during the call only.
type idChange struct {
	nr     emul.HostNR
	args   [3]uint64
	groups []uint32
}

// call places what the call needs in scratch memory.
func (c idChange) call(t *emul.Task) (emul.Call, error) {
	if c.nr != unix.SYS_SETGROUPS {
		return emul.NewCall(c.nr, c.args[:]...), nil
	}
	buf, ok := t.AllocBytes(4 * len(c.groups))
	if !ok {
		return emul.Call{}, abi.ENOMEM
	}
	err := guest.Ptr[uint32](buf).StoreN(t, c.groups)
	return emul.NewCall(c.nr, uint64(len(c.groups)), uint64(buf)), err
}

// allIDs is what getresuid and getresgid give.
type allIDs [6]uint32

// change makes the calls and, if the first one succeeds, lets the process's
// other threads follow.
func changeIDs(t *emul.Task, changes ...idChange) emul.Action {
	before, after := emul.Alloc[allIDs](t), emul.Alloc[allIDs](t)
	get := func(p guest.Ptr[allIDs]) []emul.Call {
		a := uint64(p)
		return []emul.Call{
			emul.NewCall(unix.SYS_GETRESUID, a, a+4, a+8),
			emul.NewCall(unix.SYS_GETRESGID, a+12, a+16, a+20),
		}
	}
	calls := get(before)
	for _, c := range changes {
		call, err := c.call(t)
		if err != nil {
			return emul.Fail(err)
		}
		calls = append(calls, call)
	}
	calls = append(calls, get(after)...)
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		if err := rets[2].Err(); err != nil {
			return emul.Fail(err)
		}
		b, err := before.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		a, err := after.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		p, th := procOf(t), threadOf(t)
		if a != b || changes[0].nr == unix.SYS_SETGROUPS {
			p.ids.sugid = true
			t.Taint()
		}
		if len(p.Tasks) == 1 {
			p.ids.log, th.ids.done = nil, 0
		} else {
			t.Guard() // they follow at their next stop
			p.ids.log = append(slices.Clip(p.ids.log), changes...)
			th.ids.done = len(p.ids.log)
		}
		return emul.Return(0)
	})
}

// catchUp makes the ID changes of other threads in t, then goes on with then.
func catchUp(t *emul.Task, then func() emul.Action) emul.Action {
	p, th := procOf(t), threadOf(t)
	if th.ids.done >= len(p.ids.log) {
		return then()
	}
	call, err := p.ids.log[th.ids.done].call(t)
	if err != nil {
		return emul.Fail(err)
	}
	th.ids.done++
	return emul.Batch(call).ThenAll(func([]emul.Ret) emul.Action { return catchUp(t, then) })
}

// keep is "leave this ID as it is" for setresuid(2) and setresgid(2).
const keep = uint64(0xffffffff)

// setuid and setgid set all three IDs also without privilege if the ID is the
// effective one (kern_prot.c sys_setuid, POSIX appendix B.4.2.2).
func setuid(t *emul.Task, id Uint) emul.Action {
	return setAll(t, id, unix.SYS_GETEUID, unix.SYS_SETUID, unix.SYS_SETRESUID)
}

func setgid(t *emul.Task, id Uint) emul.Action {
	return setAll(t, id, unix.SYS_GETEGID, unix.SYS_SETGID, unix.SYS_SETRESGID)
}

func setAll(t *emul.Task, id Uint, get, set, setres emul.HostNR) emul.Action {
	v := uint64(id)
	return emul.Host(get).Then(func(r emul.Ret) emul.Action {
		if uint64(r.Val) == v {
			return changeIDs(t, idChange{nr: setres, args: [3]uint64{v, v, v}})
		}
		return changeIDs(t, idChange{nr: set, args: [3]uint64{v}})
	})
}

func seteuid(t *emul.Task, id Uint) emul.Action {
	return changeIDs(t, idChange{nr: unix.SYS_SETRESUID, args: [3]uint64{keep, uint64(id), keep}})
}

func setegid(t *emul.Task, id Uint) emul.Action {
	return changeIDs(t, idChange{nr: unix.SYS_SETRESGID, args: [3]uint64{keep, uint64(id), keep}})
}

func setreuid(t *emul.Task, r, e Uint) emul.Action {
	return changeIDs(t, idChange{nr: unix.SYS_SETREUID, args: [3]uint64{uint64(r), uint64(e)}})
}

func setregid(t *emul.Task, r, e Uint) emul.Action {
	return changeIDs(t, idChange{nr: unix.SYS_SETREGID, args: [3]uint64{uint64(r), uint64(e)}})
}

func setresuid(t *emul.Task, r, e, s Uint) emul.Action {
	return changeIDs(t, idChange{nr: unix.SYS_SETRESUID, args: [3]uint64{uint64(r), uint64(e), uint64(s)}})
}

func setresgid(t *emul.Task, r, e, s Uint) emul.Action {
	return changeIDs(t, idChange{nr: unix.SYS_SETRESGID, args: [3]uint64{uint64(r), uint64(e), uint64(s)}})
}

// getresuid leaves out null pointers, which Linux would call bad addresses.
func getresuid(t *emul.Task, r, e, s guest.Ptr[uint32]) emul.Action {
	return getres(t, unix.SYS_GETRESUID, r, e, s)
}

func getresgid(t *emul.Task, r, e, s guest.Ptr[uint32]) emul.Action {
	return getres(t, unix.SYS_GETRESGID, r, e, s)
}

func getres(t *emul.Task, nr emul.HostNR, out ...guest.Ptr[uint32]) emul.Action {
	buf := emul.Alloc[[3]uint32](t)
	a := uint64(buf)
	return emul.Batch(emul.NewCall(nr, a, a+4, a+8)).ThenAll(func(rets []emul.Ret) emul.Action {
		ids, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		for i, p := range out {
			if p == 0 {
				continue
			}
			if err := p.Store(t, ids[i]); err != nil {
				return emul.Fail(err)
			}
		}
		return emul.Return(0)
	})
}

// maxGroups is NGROUPS_MAX + 1: groups and the effective group (sys/syslimits.h).
const maxGroups = 1024

// getgroups puts the effective group ID first, as FreeBSD before 15 has it in
// the list (kern_prot.c sys_getgroups).
func getgroups(t *emul.Task, n Int, list guest.Ptr[uint32]) emul.Action {
	return withGroups(t, func(egid uint32, groups []uint32) emul.Action {
		all := append([]uint32{egid}, slices.DeleteFunc(groups, func(g uint32) bool { return g == egid })...)
		return answerGroups(t, n, list, all)
	})
}

// getgroups15 is the call of FreeBSD 15, which lists supplementary groups only.
func getgroups15(t *emul.Task, n Int, list guest.Ptr[uint32]) emul.Action {
	return withGroups(t, func(_ uint32, groups []uint32) emul.Action { return answerGroups(t, n, list, groups) })
}

func answerGroups(t *emul.Task, n Int, list guest.Ptr[uint32], all []uint32) emul.Action {
	switch {
	case n == 0:
	case int(n) < len(all):
		return emul.Fail(abi.EINVAL)
	default:
		if err := list.StoreN(t, all); err != nil {
			return emul.Fail(err)
		}
	}
	return emul.Return(uint64(len(all)))
}

// withGroups goes on with the effective and the supplementary groups.
func withGroups(t *emul.Task, then func(egid uint32, groups []uint32) emul.Action) emul.Action {
	const most = 4 * maxGroups
	buf, ok := t.AllocBytes(4 * most)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Batch(
		emul.NewCall(unix.SYS_GETEGID),
		emul.NewCall(unix.SYS_GETGROUPS, most, uint64(buf)),
	).ThenAll(func(rets []emul.Ret) emul.Action {
		if err := rets[1].Err(); err != nil {
			return emul.Fail(err)
		}
		groups, err := guest.Ptr[uint32](buf).LoadN(t, int(rets[1].Val))
		if err != nil {
			return emul.Fail(err)
		}
		return then(uint32(rets[0].Val), groups)
	})
}

// setgroups takes the effective group from the list's head; an empty list
// clears the others and keeps it (kern_prot.c kern_setgroups).
func setgroups(t *emul.Task, n Int, list guest.Ptr[uint32]) emul.Action {
	if n < 0 || n > maxGroups {
		return emul.Fail(abi.EINVAL)
	}
	groups, err := list.LoadN(t, int(n))
	if err != nil {
		return emul.Fail(err)
	}
	if n == 0 {
		return changeIDs(t, idChange{nr: unix.SYS_SETGROUPS})
	}
	return changeIDs(t,
		idChange{nr: unix.SYS_SETGROUPS, groups: groups[1:]},
		idChange{nr: unix.SYS_SETRESGID, args: [3]uint64{keep, uint64(groups[0]), keep}})
}

// setgroups15 is the call of FreeBSD 15, which leaves the effective group alone.
func setgroups15(t *emul.Task, n Int, list guest.Ptr[uint32]) emul.Action {
	if n < 0 || n > maxGroups {
		return emul.Fail(abi.EINVAL)
	}
	groups, err := list.LoadN(t, int(n))
	if err != nil {
		return emul.Fail(err)
	}
	return changeIDs(t, idChange{nr: unix.SYS_SETGROUPS, groups: groups})
}

// issetugid: a set-id program cannot be a guest, so only what a process does
// itself counts.
func issetugid(t *emul.Task) emul.Action {
	if procOf(t).ids.sugid {
		return emul.Return(1)
	}
	return emul.Return(0)
}

// maxLogname is MAXLOGNAME (sys/param.h) in bytes, with the final zero.
const maxLogname = 33

// getlogin gives the name set in this session, at first that of the user who
// started the first guest.
func getlogin(t *emul.Task, buf guest.Ptr[byte], n Uint) emul.Action {
	name := append([]byte(*procOf(t).loginName()), 0)
	if len(name) > int(min(n, maxLogname)) {
		return emul.Fail(abi.ERANGE)
	}
	return emul.Fail(buf.StoreN(t, name))
}

// loginName is the session's, shared by the processes in it.
func (p *process) loginName() *string {
	if p.ids.login == nil {
		name := os.Getenv("LOGNAME")
		if name == "" {
			name = os.Getenv("USER")
		}
		if name == "" {
			name = userName(uint32(os.Getuid()))
		}
		if len(name) >= maxLogname {
			name = name[:maxLogname-1]
		}
		p.ids.login = &name
	}
	return p.ids.login
}

// userName looks a user up in /etc/passwd. Without it, root at least has a name.
func userName(uid uint32) string {
	text, _ := os.ReadFile("/etc/passwd")
	for line := range strings.Lines(string(text)) {
		f := strings.Split(line, ":")
		if n, err := strconv.ParseUint(f[min(2, len(f)-1)], 10, 32); err == nil && uint32(n) == uid && f[0] != "" {
			return f[0]
		}
	}
	if uid == 0 {
		return "root"
	}
	return ""
}

func setlogin(t *emul.Task, name Str) emul.Action {
	return asRoot(func() emul.Action {
		s, err := guest.LoadString(t, guest.Addr(name), maxLogname)
		switch {
		case err == guest.ErrTooLong:
			return emul.Fail(abi.EINVAL)
		case err != nil:
			return emul.Fail(err)
		}
		*procOf(t).loginName() = s
		return emul.Return(0)
	})
}

// setsid: the new session starts with a login name of its own.
func setsid(t *emul.Task) emul.Action {
	return emul.Host(unix.SYS_SETSID).Then(func(r emul.Ret) emul.Action {
		if r.Err() == nil {
			p := procOf(t)
			name := *p.loginName()
			p.ids.login = &name
		}
		return emul.Finish(r)
	})
}

// asRoot goes on if the caller's effective user is root, else fails with EPERM.
func asRoot(then func() emul.Action) emul.Action {
	return emul.Host(unix.SYS_GETEUID).Then(func(r emul.Ret) emul.Action {
		if r.Val != 0 {
			return emul.Fail(abi.EPERM)
		}
		return then()
	})
}

// getloginclass and setloginclass keep a name; nothing is limited by it.
func getloginclass(t *emul.Task, buf guest.Ptr[byte], n Size) emul.Action {
	name := procOf(t).ids.class
	if name == "" {
		name = "default"
	}
	if uint64(len(name)+1) > uint64(n) {
		return emul.Fail(abi.ERANGE)
	}
	return emul.Fail(buf.StoreN(t, append([]byte(name), 0)))
}

func setloginclass(t *emul.Task, name Str) emul.Action {
	return asRoot(func() emul.Action {
		s, err := guest.LoadString(t, guest.Addr(name), maxLogname)
		switch {
		case err != nil:
			return emul.Fail(err)
		case s == "":
			return emul.Fail(abi.EINVAL)
		}
		procOf(t).ids.class = s
		return emul.Return(0)
	})
}
