package abi

// What procctl(2) can be asked to do (sys/procctl.h); idtype P_PID is 0 (sys/wait.h).
const (
	P_PID = 0

	PROC_PDEATHSIG_CTL       = 11
	PROC_PDEATHSIG_STATUS    = 12
	PROC_NO_NEW_PRIVS_CTL    = 19
	PROC_NO_NEW_PRIVS_STATUS = 20

	PROC_NO_NEW_PRIVS_ENABLE  = 1
	PROC_NO_NEW_PRIVS_DISABLE = 2
)
