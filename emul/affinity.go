package emul

import (
	"time"

	"golang.org/x/sys/unix"
)

// A stop costs two switches between the guest and us. When both share a CPU
// each is a plain context switch; across CPUs it wakes an idle one, which in a
// virtual machine takes several times as long as the rest of the call. So a
// task that stops again within shortRun is bound to our CPU for as long as it
// keeps doing that: it could not run beside us anyway. A task that computes,
// or sleeps, is set free.
const (
	shortRun = 150 * time.Microsecond
	longRun  = 4 * time.Millisecond
)

// placement is where a task is allowed to run.
type placement struct {
	bound   bool
	free    unix.CPUSet // what the guest itself has asked for; valid while bound
	resumed time.Time   // when it was last let run
}

// justStopped is called when t has stopped, before the stop is served.
func (l *Loop) justStopped(t *Task, now time.Time) {
	if t.place.resumed.IsZero() || t.place.bound {
		return
	}
	if now.Sub(t.place.resumed) < shortRun {
		l.bind(t)
	}
}

// bind makes t run on the CPU that we are on.
func (l *Loop) bind(t *Task) {
	if l.cpu < 0 {
		if !l.settle() {
			return
		}
	}
	if unix.SchedGetaffinity(t.Tid, &t.place.free) != nil || !t.place.free.IsSet(l.cpu) || t.place.free.Count() == 1 {
		return
	}
	var one unix.CPUSet
	one.Set(l.cpu)
	if unix.SchedSetaffinity(t.Tid, &one) != nil {
		return
	}
	t.place.bound = true
	l.bound++
	if l.freeTimer == nil {
		l.freeTimer = l.After(longRun, l.freeIdle)
	}
}

// settle binds ourselves to the CPU we happen to be on.
func (l *Loop) settle() bool {
	if unix.SchedGetaffinity(0, &l.home) != nil || l.home.Count() == 1 {
		return false
	}
	cpu, err := currentCPU()
	if err != nil {
		return false
	}
	var one unix.CPUSet
	one.Set(cpu)
	if unix.SchedSetaffinity(0, &one) != nil {
		return false
	}
	l.cpu = cpu
	return true
}

// CPUs is on how many CPUs the supervisor may run, or might before it bound
// itself to one.
func (l *Loop) CPUs() int {
	set := l.home
	if l.cpu < 0 && unix.SchedGetaffinity(0, &set) != nil {
		return 1
	}
	return set.Count()
}

// freeIdle sets tasks free that have not stopped for a while.
func (l *Loop) freeIdle() {
	l.freeTimer = nil
	l.secondProcessor() // this is not one of those that are gone at once
	if l.bound == 0 {
		return
	}
	now := time.Now()
	for _, t := range l.tasks {
		if t.place.bound && now.Sub(t.place.resumed) > longRun {
			t.Unbind()
		}
	}
	if l.bound > 0 {
		l.freeTimer = l.After(longRun, l.freeIdle)
	}
}

// Unbind gives the task back the CPUs that the guest asked for. Whoever looks
// at or changes a task's affinity calls it first.
func (t *Task) Unbind() {
	if !t.place.bound {
		return
	}
	unix.SchedSetaffinity(t.Tid, &t.place.free)
	t.unbound()
}

// unbound counts a task out that is free again, or gone.
func (t *Task) unbound() {
	l := t.loop
	t.place.bound = false
	if l.bound--; l.bound == 0 {
		unix.SchedSetaffinity(0, &l.home)
		l.cpu = -1
	}
}
