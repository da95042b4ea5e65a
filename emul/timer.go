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
	if tm.index == 0 {
		l.alarm.set(tm.when)
	}
	return tm
}

// Stop cancels the timer; f will not be called any more.
func (tm *Timer) Stop() {
	if tm.index >= 0 {
		heap.Remove(tm.heap, tm.index)
	}
}

type timerHeap []*Timer

// next returns when the earliest timer is due; the zero time if there is none.
func (h *timerHeap) next() time.Time {
	if len(*h) == 0 {
		return time.Time{}
	}
	return (*h)[0].when
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
