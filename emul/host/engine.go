package host

// Engine is the interception mechanism and what it found out about the host.
type Engine struct {
	mem memWay
}

// Tracee is one traced thread.
type Tracee struct {
	Tid int
	eng *Engine
}
