package abi

// Limits and numbers of sysctl(3) (sys/sysctl.h).
const (
	// CTL_MAXNAME is the largest number of components of a name.
	CTL_MAXNAME = 24
	// CTL_AUTO_START is the first number given to a component without a fixed one.
	CTL_AUTO_START = 0x100
	// MAXPATHLEN bounds a sysctl's dotted name, its zero included (sys/param.h).
	MAXPATHLEN = 1024
)

// Types of a sysctl, the low four bits of its kind (sys/sysctl.h).
const (
	CTLTYPE        = 0xf
	CTLTYPE_NODE   = 1
	CTLTYPE_INT    = 2
	CTLTYPE_STRING = 3
	CTLTYPE_S64    = 4
	CTLTYPE_OPAQUE = 5
	CTLTYPE_UINT   = 6
	CTLTYPE_LONG   = 7
	CTLTYPE_ULONG  = 8
	CTLTYPE_U64    = 9
	CTLTYPE_U8     = 0xa
	CTLTYPE_U16    = 0xb
	CTLTYPE_S8     = 0xc
	CTLTYPE_S16    = 0xd
	CTLTYPE_S32    = 0xe
	CTLTYPE_U32    = 0xf
)

// Flags of a sysctl's kind (sys/sysctl.h).
const (
	CTLFLAG_RD      = 0x80000000
	CTLFLAG_WR      = 0x40000000
	CTLFLAG_RW      = CTLFLAG_RD | CTLFLAG_WR
	CTLFLAG_ANYBODY = 0x10000000
	CTLFLAG_SECURE  = 0x08000000
	CTLFLAG_PRISON  = 0x04000000
	CTLFLAG_SKIP    = 0x01000000
	CTLFLAG_TUN     = 0x00080000
	CTLFLAG_RDTUN   = CTLFLAG_RD | CTLFLAG_TUN
	CTLFLAG_RWTUN   = CTLFLAG_RW | CTLFLAG_TUN
	CTLFLAG_MPSAFE  = 0x00040000
	CTLFLAG_VNET    = 0x00020000
	CTLFLAG_CAPRD   = 0x00008000
	CTLFLAG_CAPWR   = 0x00004000
)

// First components of a name (sys/sysctl.h).
const (
	CTL_SYSCTL   = 0
	CTL_KERN     = 1
	CTL_VM       = 2
	CTL_VFS      = 3
	CTL_NET      = 4
	CTL_DEBUG    = 5
	CTL_HW       = 6
	CTL_MACHDEP  = 7
	CTL_USER     = 8
	CTL_P1003_1B = 9
)

// Second components under CTL_SYSCTL (sys/sysctl.h).
const (
	CTL_SYSCTL_NAME       = 1
	CTL_SYSCTL_NEXT       = 2
	CTL_SYSCTL_NAME2OID   = 3
	CTL_SYSCTL_OIDFMT     = 4
	CTL_SYSCTL_OIDDESCR   = 5
	CTL_SYSCTL_OIDLABEL   = 6
	CTL_SYSCTL_NEXTNOSKIP = 7
)

// Second components under CTL_KERN (sys/sysctl.h).
const (
	KERN_OSTYPE          = 1
	KERN_OSRELEASE       = 2
	KERN_OSREV           = 3
	KERN_VERSION         = 4
	KERN_MAXVNODES       = 5
	KERN_MAXPROC         = 6
	KERN_MAXFILES        = 7
	KERN_ARGMAX          = 8
	KERN_SECURELVL       = 9
	KERN_HOSTNAME        = 10
	KERN_HOSTID          = 11
	KERN_CLOCKRATE       = 12
	KERN_PROC            = 14
	KERN_FILE            = 15
	KERN_POSIX1          = 17
	KERN_NGROUPS         = 18
	KERN_JOB_CONTROL     = 19
	KERN_SAVED_IDS       = 20
	KERN_BOOTTIME        = 21
	KERN_NISDOMAINNAME   = 22
	KERN_OSRELDATE       = 24
	KERN_BOOTFILE        = 26
	KERN_MAXFILESPERPROC = 27
	KERN_MAXPROCPERUID   = 28
	KERN_IPC             = 30
	KERN_PS_STRINGS      = 32
	KERN_USRSTACK        = 33
	KERN_LOGSIGEXIT      = 34
	KERN_IOV_MAX         = 35
	KERN_HOSTUUID        = 36
	KERN_ARND            = 37
	KERN_MAXPHYS         = 38
)

// Third components under KERN_PROC (sys/sysctl.h).
const (
	KERN_PROC_ALL        = 0
	KERN_PROC_PID        = 1
	KERN_PROC_PGRP       = 2
	KERN_PROC_SESSION    = 3
	KERN_PROC_TTY        = 4
	KERN_PROC_UID        = 5
	KERN_PROC_RUID       = 6
	KERN_PROC_ARGS       = 7
	KERN_PROC_PROC       = 8
	KERN_PROC_SV_NAME    = 9
	KERN_PROC_RGID       = 10
	KERN_PROC_GID        = 11
	KERN_PROC_PATHNAME   = 12
	KERN_PROC_INC_THREAD = 0x10
	KERN_PROC_VMMAP      = 32
	KERN_PROC_FILEDESC   = 33
	KERN_PROC_GROUPS     = 34
	KERN_PROC_ENV        = 35
	KERN_PROC_AUXV       = 36
	KERN_PROC_RLIMIT     = 37
	KERN_PROC_PS_STRINGS = 38
	KERN_PROC_UMASK      = 39
	KERN_PROC_OSREL      = 40
	KERN_PROC_SIGTRAMP   = 41
	KERN_PROC_CWD        = 42
	KERN_PROC_NFDS       = 43
)

// Third components under KERN_IPC (sys/sysctl.h).
const (
	KIPC_MAXSOCKBUF    = 1
	KIPC_SOCKBUF_WASTE = 2
	KIPC_SOMAXCONN     = 3
	KIPC_MAX_LINKHDR   = 4
	KIPC_MAX_PROTOHDR  = 5
	KIPC_MAX_HDR       = 6
	KIPC_MAX_DATALEN   = 7
)

// Second components under CTL_VM (vm/vm_param.h).
const (
	VM_TOTAL              = 1
	VM_LOADAVG            = 2
	VM_V_FREE_MIN         = 3
	VM_V_FREE_TARGET      = 4
	VM_V_FREE_RESERVED    = 5
	VM_V_INACTIVE_TARGET  = 6
	VM_V_PAGEOUT_FREE_MIN = 9
	VM_SWAPPING_ENABLED   = 11
	VM_OVERCOMMIT         = 12
)

// Second components under CTL_HW (sys/sysctl.h).
const (
	HW_MACHINE      = 1
	HW_MODEL        = 2
	HW_NCPU         = 3
	HW_BYTEORDER    = 4
	HW_PHYSMEM      = 5
	HW_USERMEM      = 6
	HW_PAGESIZE     = 7
	HW_FLOATINGPT   = 10
	HW_MACHINE_ARCH = 11
	HW_REALMEM      = 12
)

// Clockinfo is what kern.clockrate gives (sys/time.h): ticks per second, µs
// per tick, a spare, and the statistics and profiling clocks' rates in Hz.
type Clockinfo struct {
	Hz     int32
	Tick   int32
	Spare  int32
	Stathz int32
	Profhz int32
}

// Loadavg is what vm.loadavg gives (sys/resource.h): averages over 1, 5 and 15
// minutes in units of 1/Fscale.
type Loadavg struct {
	Ldavg  [3]uint32
	_      uint32
	Fscale int64
}
