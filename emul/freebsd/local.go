package freebsd

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/host"
)

// The local routines (local_amd64.s): where they lie, and what they must know.

var atFstat, atFstatat, atOpen, atOpenat, atClose, atMmap, atMunmap, atClockGettime, atGuarded, atMadvise, atNanosleep, atThrSelf, atSigaction, atSigaltstack, atSysarch, atMprotect, atIssetugid, atFcntl uintptr

//nolint:unused // they are used in local_amd64.s
const (
	localFrame      = host.FrameOffset
	localScratchTop = host.ScratchTop
	localErrnos     = host.ErrnoPage
	localGuard      = host.StateGuard
	localTainted    = host.StateTainted
	localShared     = host.StateShared
	umtxTimeouts    = host.StateTimeouts
	umtxAwake       = host.StateAwake
	localKept       = host.StateKept
	localKeptMax    = host.KeptMax
	localCodeEnd    = host.CodeEnd
	localAddrTop    = host.AddrMax >> 32
	localEmpty      = host.CodeBase + 8 // a zero byte in the ELF header
	localClocks     = host.GuestCode + clocksOffset
	localClockMax   = clockMax
	localNumbers    = host.GuestCode + numbersOffset

	localSysStatx     = unix.SYS_STATX
	localSysOpenat    = unix.SYS_OPENAT
	localSysClose     = unix.SYS_CLOSE
	localSysFcntl     = unix.SYS_FCNTL
	localSysMmap      = unix.SYS_MMAP
	localSysMunmap    = unix.SYS_MUNMAP
	localSysMprotect  = unix.SYS_MPROTECT
	localSysClock     = unix.SYS_CLOCK_GETTIME
	localSysMadvise   = unix.SYS_MADVISE
	localSysNanosleep = unix.SYS_NANOSLEEP
	localSysGettid    = unix.SYS_GETTID

	localEmptyPath  = unix.AT_EMPTY_PATH
	localStatxMask  = statxMask
	localStatxBirth = unix.STATX_BTIME
	localStatxFlags = unix.STATX_ATTR_NODUMP | unix.STATX_ATTR_IMMUTABLE | unix.STATX_ATTR_APPEND
	localStandIn    = standInMode // it may be one
	localSlashDev   = 0x7665642f  // "/dev"
	localSlashNul   = 0x6c756e2f  // "/nul"
	localSlashZer   = 0x72657a2f  // "/zer"
	localSlashRan   = 0x6e61722f  // "/ran"
	localSlashUra   = 0x6172752f  // "/ura"
	localExcl       = abi.O_EXCL
	localNofollow   = abi.AT_SYMLINK_NOFOLLOW
	localCwd        = abi.AT_FDCWD

	// The flags of open(2) by how their bits move.
	localAccmode   = abi.O_ACCMODE
	localOpenBy1   = abi.O_TRUNC | abi.O_CLOEXEC | abi.O_DIRECTORY
	localOpenBy3   = abi.O_CREAT
	localOpenBy4   = abi.O_EXCL
	localOpenUp7   = abi.O_APPEND
	localOpenUp9   = abi.O_NONBLOCK
	localOpenFlags = localAccmode | localOpenBy1 | localOpenBy3 | localOpenBy4 | localOpenUp7 | localOpenUp9 | localOpenNone
	localOpenNone  = abi.O_VERIFY | abi.O_NOCTTY // nothing comes of them
	localDirCreat  = abi.O_DIRECTORY | abi.O_CREAT
	localOpenMode  = abi.ALLPERMS &^ abi.S_ISTXT
	localNoctty    = unix.O_NOCTTY

	localGetFD   = abi.F_GETFD // all three, and the flag, are Linux's
	localGetFL   = abi.F_GETFL
	localCloexec = abi.FD_CLOEXEC

	localStatusBy7   = unix.O_APPEND // as localOpenUp7
	localStatusBy9   = unix.O_NONBLOCK
	localStatusNone  = unix.O_CLOEXEC | unix.O_LARGEFILE | hostLargeFile // nothing comes of them
	localStatusKnown = localAccmode | localStatusBy7 | localStatusBy9 | localStatusNone

	localAdviseFree = 5 // MADV_FREE of FreeBSD (sys/mman.h)
	localHostFree   = unix.MADV_FREE
	localENOMEM     = unix.ENOMEM
	localEINVAL     = unix.EINVAL
	localEBADF      = unix.EBADF

	localSSDisable = abi.SS_DISABLE
	localMinStack  = abi.MINSIGSTKSZ
	localSetFS     = 0x1002 // ARCH_SET_FS (asm/prctl.h)
	localSysPrctl  = unix.SYS_ARCH_PRCTL

	localActsSet    = host.GuestData + actsSet
	localActsOurs   = host.GuestData + actsOurs
	localActFlags   = actFlags &^ (abi.SA_NOCLDSTOP | abi.SA_NOCLDWAIT)
	localActCant    = (1<<(abi.SIGKILL-1) | 1<<(abi.SIGSTOP-1)) << 32 // the mask begins in the upper half
	localActDefault = abi.SA_RESTART
	localSigMax     = abi.SIGMAX - 1 // of numbers less one; the last has no place
	localSigIgn     = abi.SIG_IGN
	localSigKill    = abi.SIGKILL
	localSigStop    = abi.SIGSTOP

	localMapFixed    = mapFixed // the same on Linux
	localMapPrivate  = mapPrivate
	localMapAnon     = mapAnon
	localMapGuard    = mapGuard
	localMapKnown    = mapFixed | mapAnon | mapNocore | mapPrefault
	localHostPrivate = unix.MAP_PRIVATE | unix.MAP_NORESERVE
	localAnonBy      = 7 // so far right moves MAP_ANON
)

// hostLargeFile is the kernel's O_LARGEFILE, which F_GETFL shows on amd64, too.
const hostLargeFile = 0o100000

// So they must be.
var (
	_ = [1]struct{}{}[abi.F_GETFD-unix.F_GETFD|abi.F_SETFD-unix.F_SETFD|abi.F_SETFD-abi.F_GETFD-1|abi.FD_CLOEXEC-unix.FD_CLOEXEC]
	_ = [1]struct{}{}[abi.F_GETFL-unix.F_GETFL|abi.F_GETFL-abi.F_SETFD-1|unix.O_APPEND>>7-abi.O_APPEND|unix.O_NONBLOCK>>9-abi.O_NONBLOCK]
)
var _ = [1]struct{}{}[mapFixed-unix.MAP_FIXED|mapAnon>>localAnonBy-unix.MAP_ANONYMOUS]

// The personality's page of constants: the signal trampoline, then xlat.Clock
// as a table (bytes), then Linux's numbers of the rows that pass (16 bits each).
const (
	clocksOffset  = 64
	clockMax      = 16
	noClock       = 0xff
	numbersOffset = 1024
)

// GuestCode implements emul.Personality.
func (o *OS) GuestCode() []byte {
	page := make([]byte, numbersOffset+2*len(table))
	copy(page, sigcode)
	for c := range clockMax {
		page[clocksOffset+c] = noClock
		if linux, ok := xlat.Clock(abi.Clock(c)); ok {
			page[clocksOffset+c] = byte(linux)
		}
	}
	for nr := range table {
		if row := &table[nr]; row.Pass != nil {
			binary.LittleEndian.PutUint16(page[numbersOffset+2*nr:], uint16(row.Host()))
		}
	}
	return page
}

func localFstat()
func localFstatat()
func localOpen()
func localOpenat()
func localClose()
func localMmap()
func localMunmap()
func localClockGettime()
func localGuarded()
func localMadvise()
func localNanosleep()
func localThrSelf()
func localSigaction()
func localSigaltstack()
func localSysarch()
func localMprotect()
func localIssetugid()
func localFcntl()
