package abi

// What procctl(2) can be asked to do (sys/procctl.h); idtype P_PID is 0 (sys/wait.h).
const (
	P_PID = 0

	PROC_SPROTECT            = 1
	PROC_REAP_ACQUIRE        = 2
	PROC_REAP_RELEASE        = 3
	PROC_REAP_STATUS         = 4
	PROC_REAP_GETPIDS        = 5
	PROC_REAP_KILL           = 6
	PROC_PDEATHSIG_CTL       = 11
	PROC_PDEATHSIG_STATUS    = 12
	PROC_NO_NEW_PRIVS_CTL    = 19
	PROC_NO_NEW_PRIVS_STATUS = 20

	PROC_NO_NEW_PRIVS_ENABLE  = 1
	PROC_NO_NEW_PRIVS_DISABLE = 2

	REAPER_STATUS_OWNED    = 1
	REAPER_STATUS_REALINIT = 2

	REAPER_PIDINFO_VALID  = 1
	REAPER_PIDINFO_CHILD  = 2
	REAPER_PIDINFO_REAPER = 4

	REAPER_KILL_CHILDREN = 1
	REAPER_KILL_SUBTREE  = 2
)

// ReaperStatus is struct procctl_reaper_status.
type ReaperStatus struct {
	Flags, Children, Descendants uint32
	Reaper                       int32
	Pid                          int32 // of a child or other descendant, -1 without any
	_                            [15]uint32
}

// ReaperPids is struct procctl_reaper_pids.
type ReaperPids struct {
	Count uint32 // how many ReaperPidinfo there is room for
	_     [15]uint32
	Pids  uint64 // the guest address of the first
}

// ReaperPidinfo is struct procctl_reaper_pidinfo.
type ReaperPidinfo struct {
	Pid, Subtree int32
	Flags        uint32
	_            [15]uint32
}

// ReaperKill is struct procctl_reaper_kill.
type ReaperKill struct {
	Sig     int32
	Flags   uint32
	Subtree int32
	Killed  uint32 // out: how many have got the signal
	Fpid    int32  // out: the first that could not be given it
	_       [15]uint32
}
