package abi

// KinfoProc is struct kinfo_proc (sys/user.h) as amd64 has it. Kernel
// addresses have no meaning here and no name.
type KinfoProc struct {
	Structsize int32
	Layout     int32
	_          [7]uint64 // args, paddr, addr, tracep, textvp, fd, vmspace
	Wchan      uint64    // what it sleeps on; of use only in being 0 or not
	Pid        int32
	Ppid       int32
	Pgid       int32
	Tpgid      int32
	Sid        int32
	Tsid       int32
	Jobc       int16
	_          int16
	Tdev11     uint32
	Siglist    [4]uint32
	Sigmask    [4]uint32
	Sigignore  Sigset
	Sigcatch   Sigset
	Uid        uint32
	Ruid       uint32
	Svuid      uint32
	Rgid       uint32
	Svgid      uint32
	Ngroups    int16
	_          int16
	Groups     [16]uint32
	Size       uint64 // bytes
	Rssize     int64  // pages, as the four below
	Swrss      int64
	Tsize      int64
	Dsize      int64
	Ssize      int64
	Xstat      uint16
	Acflag     uint16
	Pctcpu     uint32
	Estcpu     uint32
	Slptime    uint32
	Swtime     uint32
	Cow        uint32
	Runtime    uint64 // µs
	Start      [2]int64
	Childtime  [2]int64
	Flag       int64
	Kiflag     int64
	Traceflag  int32
	Stat       int8
	Nice       int8
	Lock       int8
	Rqindex    int8
	OncpuOld   uint8
	LastcpuOld uint8
	Tdname     [17]byte
	Wmesg      [9]byte
	Login      [18]byte
	Lockname   [9]byte
	Comm       [20]byte
	Emul       [17]byte
	Loginclass [18]byte
	Moretdname [4]byte
	_          [46]byte
	_          [2]int32
	Tdev       uint64
	Oncpu      int32
	Lastcpu    int32
	Tracer     int32
	Flag2      int32
	Fibnum     int32
	CrFlags    uint32
	Jid        int32
	Numthreads int32
	Tid        int32
	Pri        [4]uint8 // class, level, native, user
	Rusage     [18]int64
	RusageCh   [18]int64
	_          [4]uint64 // pcb, kstack, udata, tdaddr
	_          [6]uint64 // pd, spares
	_          [12]int64
	Sflag      int64
	Tdflags    int64
}

// SizeofKinfoProc is the size of struct kinfo_proc.
const SizeofKinfoProc = 1088

// Values of KinfoProc.Stat (sys/proc.h).
const (
	SIDL   = 1
	SRUN   = 2
	SSLEEP = 3
	SSTOP  = 4
	SZOMB  = 5
)

// Bits of KinfoProc.Flag (sys/proc.h).
const (
	P_CONTROLT   = 0x00000002
	P_PPWAIT     = 0x00000010
	P_HADTHREADS = 0x00000080
	P_SUGID      = 0x00000100
	P_EXEC       = 0x00004000
	P_INMEM      = 0x10000000
)

// Bits of KinfoProc.Kiflag (sys/user.h).
const (
	KI_CTTY    = 0x1
	KI_SLEADER = 0x2
)

// Bits of KinfoProc.Tdflags (sys/proc.h).
const (
	TDF_INMEM = 0x4
	TDF_SINTR = 0x8
)

// PRI_TIMESHARE is the scheduling class of ordinary threads (sys/priority.h).
const PRI_TIMESHARE = 3

// SizeofKinfoFileHead is the size of struct kinfo_file up to its path. Lists of
// them cut the path behind its zero and pad to eight bytes.
const SizeofKinfoFileHead = 368

// What KinfoFile.FD says of files that have no descriptor, and types of
// descriptors (sys/user.h).
const (
	KF_FD_TYPE_CWD  = -1
	KF_FD_TYPE_ROOT = -2
	KF_FD_TYPE_TEXT = -5

	KF_TYPE_KQUEUE = 5
)

// KinfoVmentry is struct kinfo_vmentry (sys/user.h), up to its path, which is
// cut as a KinfoFile's in a list is.
type KinfoVmentry struct {
	Structsize      int32
	Type            int32 // KVME_TYPE_*
	Start           uint64
	End             uint64
	Offset          uint64
	Fileid          uint64
	Fsid11          uint32
	Flags           int32 // KVME_FLAG_*
	Resident        int32
	PrivateResident int32
	Protection      int32
	RefCount        int32
	ShadowCount     int32
	VnType          int32
	VnSize          uint64
	Rdev11          uint32
	VnMode          uint16
	Status          uint16
	Fsid            uint64
	Rdev            uint64
	_               [8]int32
}

// Values in KinfoVmentry (sys/user.h).
const (
	KVME_TYPE_DEFAULT    = 1
	KVME_TYPE_VNODE      = 2
	KVME_TYPE_GUARD      = 9
	KVME_PROT_READ       = 1
	KVME_PROT_WRITE      = 2
	KVME_PROT_EXEC       = 4
	KVME_FLAG_COW        = 1
	KVME_FLAG_GROWS_DOWN = 0x20
)

// KinfoSigtramp is struct kinfo_sigtramp (sys/user.h): addresses [Start, End).
type KinfoSigtramp struct {
	Start, End uint64
	_          [4]uint64
}

// Vmtotal is struct vmtotal (sys/vmmeter.h): pages, and numbers of processes.
type Vmtotal struct {
	Vm, Avm, Rm, Arm                       uint64
	Vmshr, Avmshr, Rmshr, Armshr           uint64
	Free                                   uint64
	Runnable, DiskWait, PageWait, Sleeping int16
	Swapped                                int16
	_                                      [3]uint16
}

// Xswdev is struct xswdev (vm/vm_param.h), a swap area: sizes in pages.
type Xswdev struct {
	Version uint32
	_       uint32
	Dev     uint64
	Flags   int32
	Nblks   int32
	Used    int32
	_       int32
}

// XSWDEV_VERSION is the version of Xswdev.
const XSWDEV_VERSION = 2
