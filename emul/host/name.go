package host

// SupervisorName is what ps(1) on the host shows as the supervisor's command
// (comm, at most 15 bytes).
const SupervisorName = "lsf-supervisor"
