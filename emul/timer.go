package emul

import (
	"container/heap"
	"time"
)

// Timer is a pending call of Loop.After.
type Timer struct {
	when  time.Time
	f     func()
	index int // in the heap, -1 when not in it
	heap  *timerHeap
}

// After calls f on the loop's thread when d has passed. The timer is one-shot.
func (l *Loop) After(d time.Duration, f func()) *Timer {
	tm := &Timer{when: time.Now().Add(d), f: f, heap: &l.timers}
	heap.Push(&l.timers, tm)
	return tm
}

// Stop cancels the timer; f will not be called any more.
func (tm *Timer) Stop() {
	if tm.index >= 0 {
		heap.Remove(tm.heap, tm.index)
	}
}

type timerHeap []*Timer

func (h *timerHeap) len() int { return len(*h) }

// next returns how long to wait for the earliest timer.
func (h *timerHeap) next(now time.Time) (time.Duration, bool) {
	if len(*h) == 0 {
		return 0, false
	}
	return (*h)[0].when.Sub(now), true
}

func (h *timerHeap) run(now time.Time) {
	for len(*h) > 0 && !(*h)[0].when.After(now) {
		tm := heap.Pop(h).(*Timer)
		tm.f()
	}
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].when.Before(h[j].when) }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	tm := x.(*Timer)
	tm.index = len(*h)
	*h = append(*h, tm)
}

func (h *timerHeap) Pop() any {
	old := *h
	tm := old[len(old)-1]
	*h = old[:len(old)-1]
	tm.index = -1
	return tm
}
