package emul

import (
	"runtime"
	"sync"
)

const (
	// spareThreads is how many threads Go's runtime gets in advance: more than it
	// was ever seen to want at once for the loop, the alarm, the collector and a
	// few goroutines that are in a system call.
	spareThreads = 6
	// manyTasks is how many guest threads there are when that is done. A small
	// tree does not pay for it.
	manyTasks = 8
)

// secondProcessor lets Go's runtime run other goroutines while the loop waits
// for guests, and its collector. It starts with one (cmd/lsf-binfmt's entry
// code), for that costs less, and most supervisors never need the other.
func (l *Loop) secondProcessor() {
	if !l.two {
		l.two = true
		runtime.GOMAXPROCS(2)
	}
}

// Go starts a goroutine beside the loop.
func (l *Loop) Go(f func()) {
	l.secondProcessor()
	go f()
}

// provideThreads has Go's runtime make threads before guests may have used up
// what the user or the container is allowed to have: where it wants one
// and gets none, it ends the supervisor, and with it all guests.
func (l *Loop) provideThreads() {
	if l.provided || len(l.tasks) < manyTasks {
		return
	}
	l.provided = true
	l.secondProcessor()
	var there, done sync.WaitGroup
	leave := make(chan struct{})
	there.Add(spareThreads)
	done.Add(spareThreads)
	for range spareThreads {
		go func() {
			defer done.Done()
			runtime.LockOSThread() // as it waits, it keeps its thread from the others
			defer runtime.UnlockOSThread()
			there.Done()
			<-leave
		}()
	}
	there.Wait()
	close(leave)
	done.Wait()
}
