package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/host"
)

// procMemory is what a process's memory is known to hold.
type procMemory struct {
	brkStart, brk uint64      // for brk(2)
	shared        []sharedMap // see shared.go
	private       uint64      // the number of its own memory as an object, 0 if not asked for yet
}

// Flags of mmap (sys/mman.h).
const (
	mapShared    = 0x1
	mapPrivate   = 0x2
	mapFixed     = 0x10
	mapStack     = 0x400
	mapNosync    = 0x800
	mapAnon      = 0x1000
	mapGuard     = 0x2000
	mapExcl      = 0x4000
	mapNocore    = 0x20000
	mapPrefault  = 0x40000 // a hint; Linux's MAP_POPULATE would copy and read more than it means
	map32Bit     = 0x80000
	mapAlignMask = 0xff << 24
	mapKnown     = mapShared | mapPrivate | mapFixed | mapStack | mapNosync | mapAnon | mapGuard | mapExcl |
		mapNocore | mapPrefault | map32Bit | 0x20 | 0x40 | 0x100 | 0x200 | mapAlignMask
	superAlign = 1 << 24 // MAP_ALIGNED_SUPER

	protMask = 7
	protMax  = 16 // PROT_MAX(prot) is prot << 16

	maxAlign = 47
)

// mmap(2): vm_mmap.c, kern_mmap.
func mmap(t *emul.Task, addr Addr, size Size, prot ProtFlags, flags MapFlags, fd FD, off Long) emul.Action {
	fl := uint32(flags)
	align := fl & mapAlignMask
	pr, max := uint32(prot)&protMask, uint32(prot)>>protMax&protMask
	switch {
	case uint32(prot)&^(protMask|protMask<<protMax) != 0,
		max != 0 && max&pr != pr,
		fl&^mapKnown != 0,
		fl&(mapExcl|mapFixed) == mapExcl,
		fl&(mapShared|mapPrivate) == mapShared|mapPrivate,
		align != 0 && align != superAlign && (align>>24 >= 64 || align>>24 < 12):
		return emul.Fail(abi.EINVAL)
	case fl&mapGuard != 0 && (pr != 0 || fd != -1 || off != 0 || fl&(mapShared|mapPrivate|mapPrefault|mapAnon|mapStack) != 0):
		return emul.Fail(abi.EINVAL)
	case fl&(mapAnon|mapStack) != 0 && fl&mapGuard == 0 && (fd != -1 || off != 0 && fl&mapAnon != 0):
		return emul.Fail(abi.EINVAL)
	case fl&mapStack != 0 && pr&3 != 3:
		return emul.Fail(abi.EINVAL)
	case size == 0:
		return emul.Fail(abi.EINVAL)
	}
	pageoff := uint64(off) & (pageSize - 1)
	n := (uint64(size) + pageoff + pageSize - 1) &^ (pageSize - 1)
	if n < uint64(size) {
		return emul.Fail(abi.ENOMEM)
	}
	at := uint64(addr)
	if fl&mapFixed != 0 {
		if at -= pageoff; at&(pageSize-1) != 0 {
			return emul.Fail(abi.EINVAL)
		}
		// security.bsd.map_at_zero is 0, and Linux lets root do it.
		if at < pageSize || at+n > host.AddrMax || at+n < at {
			return emul.Fail(abi.EINVAL)
		}
		if host.Overlaps(at, n) {
			return emul.Fail(abi.ENOMEM)
		}
	} else {
		at = (at + pageSize - 1) &^ (pageSize - 1)
		if host.Overlaps(at, n) || at+n > host.AddrMax {
			at = 0
		}
	}
	h := hostMapFlags(fl)
	if align != 0 && fl&mapFixed == 0 {
		return mmapAligned(t, n, uint64(pr), fl, fd, uint64(off)-pageoff, alignOf(align), pageoff)
	}
	if h&unix.MAP_ANONYMOUS != 0 && fl&(mapFixed|mapShared) == 0 {
		return emul.TailNoFifth(unix.SYS_MMAP, at, n, uint64(pr), h, ^uint64(0), 0)
	}
	return emul.Host(unix.SYS_MMAP, at, n, uint64(pr), h, uint64(fd), uint64(off)-pageoff).Atomic().
		Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.ENODEV && procOf(t).os.standIns {
				return mapDevice(t, fd, r, func() emul.Action {
					return emul.Host(unix.SYS_MMAP, at, n, uint64(pr), h|unix.MAP_ANONYMOUS, ^uint64(0), 0).Atomic()
				})
			}
			done := func() emul.Action { return mapped(r, fl, pageoff) }
			if r.Err() != nil {
				return done()
			}
			return noteMapping(t, uint64(r.Val), n, fl, fd, uint64(off)-pageoff, done)
		})
}

func mapped(r emul.Ret, fl uint32, pageoff uint64) emul.Action {
	switch r.Err() {
	case nil:
		return emul.Return(uint64(r.Val) + pageoff)
	case unix.EEXIST: // MAP_EXCL over something
		return emul.Fail(abi.ENOMEM)
	case unix.EPERM:
		if fl&mapFixed != 0 && fl&(mapAnon|mapStack|mapGuard) != 0 { // below vm.mmap_min_addr
			return emul.Fail(abi.EINVAL)
		}
		return emul.Fail(abi.EACCES) // a seal, or a file system without programs
	}
	return emul.Fail(r.Err())
}

func hostMapFlags(fl uint32) uint64 {
	var h uint64
	if fl&mapShared != 0 {
		h |= unix.MAP_SHARED
	} else {
		h |= unix.MAP_PRIVATE
	}
	if fl&(mapAnon|mapStack|mapGuard) != 0 {
		h |= unix.MAP_ANONYMOUS
	}
	if fl&mapGuard != 0 || fl&mapShared == 0 {
		h |= unix.MAP_NORESERVE // FreeBSD overcommits
	}
	if fl&mapFixed != 0 {
		if fl&mapExcl != 0 {
			h |= unix.MAP_FIXED_NOREPLACE
		} else {
			h |= unix.MAP_FIXED
		}
	}
	if fl&map32Bit != 0 {
		h |= unix.MAP_32BIT
	}
	return h
}

func alignOf(align uint32) uint64 {
	if align == superAlign {
		return 2 << 20
	}
	return 1 << (align >> 24)
}

// mmapAligned maps more than is asked for and gives back what lies outside.
func mmapAligned(t *emul.Task, n, prot uint64, fl uint32, fd FD, off, align, pageoff uint64) emul.Action {
	h := hostMapFlags(fl)
	reserve := n + align
	if align > 1<<maxAlign || reserve < n {
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Host(unix.SYS_MMAP, 0, reserve, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE, ^uint64(0), 0).
		Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		base := uint64(r.Val)
		at := (base + align - 1) &^ (align - 1)
		calls := []emul.Call{emul.NewCall(unix.SYS_MMAP, at, n, prot, h|unix.MAP_FIXED, uint64(fd), off)}
		if at > base {
			calls = append(calls, emul.NewCall(unix.SYS_MUNMAP, base, at-base))
		}
		if end := base + reserve; at+n < end {
			calls = append(calls, emul.NewCall(unix.SYS_MUNMAP, at+n, end-at-n))
		}
		return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
			if err := rets[0].Err(); err != nil {
				return emul.Host(unix.SYS_MUNMAP, at, n).Atomic().Then(func(emul.Ret) emul.Action { return emul.Fail(err) })
			}
			return noteMapping(t, at, n, fl, fd, off, func() emul.Action { return emul.Return(at + pageoff) })
		})
	})
}

// span checks a page range that a guest names: rounds it, and cuts LSF's own
// region out. It returns the one or two parts to work on.
func span(addr Addr, size Size) ([][2]uint64, error) {
	off := uint64(addr) & (pageSize - 1)
	at := uint64(addr) - off
	n := (uint64(size) + off + pageSize - 1) &^ (pageSize - 1)
	if n < uint64(size) || at+n < at {
		return nil, abi.EINVAL
	}
	return host.Outside(at, n), nil
}

// onSpan runs one host call on the parts of a range.
func onSpan(addr Addr, size Size, nr emul.HostNR, fix func(error) error, rest ...uint64) emul.Action {
	parts, err := span(addr, size)
	if err != nil {
		return emul.Fail(err)
	}
	if len(parts) == 1 && fix == nil {
		return emul.Tail(nr, append([]uint64{parts[0][0], parts[0][1]}, rest...)...)
	}
	var calls []emul.Call
	for _, p := range parts {
		calls = append(calls, emul.NewCall(nr, append([]uint64{p[0], p[1]}, rest...)...))
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		for _, r := range rets {
			if err := r.Err(); err != nil {
				if fix != nil {
					err = fix(err)
				}
				if err != nil {
					return emul.Fail(err)
				}
			}
		}
		return emul.Return(0)
	})
}

func munmap(t *emul.Task, addr Addr, size Size) emul.Action {
	if size == 0 {
		return emul.Fail(abi.EINVAL)
	}
	if uint64(addr)+uint64(size) > host.AddrMax || uint64(addr)+uint64(size) < uint64(addr) {
		return emul.Fail(abi.EINVAL)
	}
	if parts, err := span(addr, size); err == nil {
		for _, p := range parts {
			procOf(t).mem.unshare(p[0], p[1])
		}
	}
	return onSpan(addr, size, unix.SYS_MUNMAP, nil)
}

func mprotect(t *emul.Task, addr Addr, size Size, prot ProtFlags) emul.Action {
	pr, max := uint32(prot)&protMask, uint32(prot)>>protMax&protMask
	if uint32(prot)&^(protMask|protMask<<protMax) != 0 || max != 0 && max&pr != pr {
		return emul.Fail(abi.EINVAL)
	}
	return onSpan(addr, size, unix.SYS_MPROTECT, nil, uint64(pr))
}

// madvise(2). MADV_FREE (5) becomes DONTNEED where Linux has no private
// anonymous memory; both only allow the kernel to drop the contents.
func madvise(t *emul.Task, addr Addr, size Size, advice Int) emul.Action {
	var h uint64
	switch advice {
	case 0, 1, 2, 3: // NORMAL, RANDOM, SEQUENTIAL, WILLNEED
		h = uint64(advice)
	case 4: // DONTNEED keeps the contents on FreeBSD; on Linux it would lose them
		return emul.Return(0)
	case 5: // FREE
		h = unix.MADV_FREE
	case 6, 7: // NOSYNC, AUTOSYNC
		return emul.Return(0)
	case 8: // NOCORE
		h = unix.MADV_DONTDUMP
	case 9: // CORE
		h = unix.MADV_DODUMP
	case 10: // PROTECT, for root
		return emul.Fail(abi.EPERM)
	default:
		return emul.Fail(abi.EINVAL)
	}
	return onSpan(addr, size, unix.SYS_MADVISE, func(err error) error {
		// FreeBSD does not mind holes and ignores what does not apply.
		if err == unix.ENOMEM || err == unix.EINVAL || err == unix.EBADF {
			return nil
		}
		return err
	}, h)
}

func minherit(t *emul.Task, addr Addr, size Size, how Int) emul.Action {
	var h uint64
	switch how {
	case 1: // INHERIT_COPY
		h = unix.MADV_DOFORK
	case 2: // INHERIT_NONE
		h = unix.MADV_DONTFORK
	case 3: // INHERIT_ZERO
		h = unix.MADV_WIPEONFORK
	case 0: // INHERIT_SHARE: Linux cannot change that afterwards
		t.Loop().Debugf("pid %d: minherit(INHERIT_SHARE) has no Linux twin", t.Proc.Pid)
		return emul.Fail(abi.EINVAL)
	default:
		return emul.Fail(abi.EINVAL)
	}
	return onSpan(addr, size, unix.SYS_MADVISE, nil, h)
}

func msync(t *emul.Task, addr Addr, size Size, flags Int) emul.Action {
	// MS_SYNC 0, MS_ASYNC 1, MS_INVALIDATE 2
	if flags&^3 != 0 || flags == 3 || uint64(addr)&(pageSize-1) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	h := uint64(unix.MS_SYNC)
	if flags&1 != 0 {
		h = unix.MS_ASYNC
	}
	if flags&2 != 0 {
		h |= unix.MS_INVALIDATE
	}
	return onSpan(addr, size, unix.SYS_MSYNC, nil, h)
}

func mincore(t *emul.Task, addr Addr, size Size, vec Addr) emul.Action {
	off := uint64(addr) & (pageSize - 1)
	if host.Overlaps(uint64(addr), uint64(size)) || uint64(addr)+uint64(size) > host.AddrMax {
		return emul.Fail(abi.ENOMEM)
	}
	// Linux sets bit 0 (resident), FreeBSD's MINCORE_INCORE.
	return emul.Tail(unix.SYS_MINCORE, uint64(addr)-off, uint64(size)+off, uint64(vec))
}

// obreak is brk(2), which FreeBSD keeps for old programs: the data segment
// ends at addr afterwards.
func obreak(t *emul.Task, addr Addr) emul.Action {
	m := &procOf(t).mem
	up := func(a uint64) uint64 { return (a + pageSize - 1) &^ (pageSize - 1) }
	old, want := up(m.brk), up(uint64(addr))
	done := func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Fail(abi.ENOMEM)
		}
		m.brk = uint64(addr)
		return emul.Return(uint64(addr))
	}
	switch {
	case want < up(m.brkStart): // also where rounding up wraps around
		return emul.Return(old) // how libc asks where the break is
	case want == old:
		m.brk = uint64(addr)
		return emul.Return(uint64(addr))
	case want < old:
		return emul.Host(unix.SYS_MUNMAP, want, old-want).Atomic().Then(done)
	case host.Overlaps(m.brkStart, want-m.brkStart):
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Host(unix.SYS_MMAP, old, want-old, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE, ^uint64(0), 0).Atomic().Then(done)
}
