package abi

// Operations of _umtx_op(2) (sys/umtx.h).
const (
	UMTX_OP_LOCK              = 0
	UMTX_OP_UNLOCK            = 1
	UMTX_OP_WAIT              = 2
	UMTX_OP_WAKE              = 3
	UMTX_OP_MUTEX_TRYLOCK     = 4
	UMTX_OP_MUTEX_LOCK        = 5
	UMTX_OP_MUTEX_UNLOCK      = 6
	UMTX_OP_SET_CEILING       = 7
	UMTX_OP_CV_WAIT           = 8
	UMTX_OP_CV_SIGNAL         = 9
	UMTX_OP_CV_BROADCAST      = 10
	UMTX_OP_WAIT_UINT         = 11
	UMTX_OP_RW_RDLOCK         = 12
	UMTX_OP_RW_WRLOCK         = 13
	UMTX_OP_RW_UNLOCK         = 14
	UMTX_OP_WAIT_UINT_PRIVATE = 15
	UMTX_OP_WAKE_PRIVATE      = 16
	UMTX_OP_MUTEX_WAIT        = 17
	UMTX_OP_MUTEX_WAKE        = 18
	UMTX_OP_SEM_WAIT          = 19
	UMTX_OP_SEM_WAKE          = 20
	UMTX_OP_NWAKE_PRIVATE     = 21
	UMTX_OP_MUTEX_WAKE2       = 22
	UMTX_OP_SEM2_WAIT         = 23
	UMTX_OP_SEM2_WAKE         = 24
	UMTX_OP_SHM               = 25
	UMTX_OP_ROBUST_LISTS      = 26
	UMTX_OP_GET_MIN_TIMEOUT   = 27 // FreeBSD 15
	UMTX_OP_SET_MIN_TIMEOUT   = 28

	// Structures are those of a 32-bit architecture: i386, or with 64-bit time.
	UMTX_OP__I386  = 0x40000000
	UMTX_OP__32BIT = 0x80000000

	CVWAIT_ABSTIME = 0x02
	CVWAIT_CLOCKID = 0x04
	UMTX_ABSTIME   = 0x01

	UMTX_SHM_CREAT   = 0x0001
	UMTX_SHM_LOOKUP  = 0x0002
	UMTX_SHM_DESTROY = 0x0004
	UMTX_SHM_ALIVE   = 0x0008

	USYNC_PROCESS_SHARED = 0x0001
	UMUTEX_PRIO_INHERIT  = 0x0004
	UMUTEX_PRIO_PROTECT  = 0x0008
	UMUTEX_ROBUST        = 0x0010

	UMUTEX_CONTESTED    = 0x80000000
	UMUTEX_RB_OWNERDEAD = UMUTEX_CONTESTED | 0x10
)

// Umutex is struct umutex (sys/_umtx.h).
type Umutex struct {
	Owner    uint32
	Flags    uint32
	Ceilings [2]uint32
	Next     uint64 // m_rb_lnk: the next robust mutex that the thread holds
	_        [2]uint32
}

// UmtxRobustLists is struct umtx_robust_lists_params: where the heads are of
// the lists of robust mutexes that a thread holds, shared and private, and a
// pointer to the one that is just being locked or unlocked.
type UmtxRobustLists struct {
	List, Priv, Inact uint64
}
