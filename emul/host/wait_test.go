package host

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// awaitReport waits until there is something to be told of a thread, untold.
func awaitReport(t *testing.T, tid, what int) {
	t.Helper()
	if err := unix.Waitid(unix.P_PID, tid, nil, what|unix.WNOWAIT|unix.WALL, nil); err != nil {
		t.Fatal(err)
	}
}

// stopAgain lets a thread go on, and returns when it has stopped anew.
func stopAgain(t *testing.T, tid int) {
	t.Helper()
	if err := unix.PtraceSingleStep(tid); err != nil {
		t.Fatal(err)
	}
	awaitReport(t, tid, unix.WSTOPPED|unix.WEXITED)
}

// TestWaitFair has three threads stop again as soon as they are let go: each
// has its turn before any comes a second time.
func TestWaitFair(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole programs")
	}
	eng := &Engine{}
	var tids []int
	for range 3 {
		tids = append(tids, startChild(t, "/proc/self/exe").Tid)
	}
	for _, tid := range tids {
		stopAgain(t, tid)
	}
	for round := range 4 {
		var seen []int
		for range tids {
			tid, status, err := eng.Wait(true)
			if err != nil || !unix.WaitStatus(status).Stopped() {
				t.Fatalf("thread %d, status %#x, %v", tid, status, err)
			}
			seen = append(seen, tid)
			stopAgain(t, tid)
		}
		slices.Sort(seen)
		if !slices.Equal(seen, slices.Sorted(slices.Values(tids))) {
			t.Fatalf("round %d: %v of %v", round, seen, tids)
		}
	}
}

// TestWaitStale: a thread that is killed while its stop waits to be told of is
// only told of as dead.
func TestWaitStale(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole programs")
	}
	eng := &Engine{}
	var tids []int
	for range 2 {
		tids = append(tids, startChild(t, "/proc/self/exe").Tid)
	}
	for _, tid := range tids {
		stopAgain(t, tid)
	}
	first, _, err := eng.Wait(true)
	if err != nil {
		t.Fatal(err)
	}
	other := tids[0] + tids[1] - first
	if err := unix.Kill(other, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitReport(t, other, unix.WEXITED)
	tid, status, err := eng.Wait(true)
	if err != nil || tid != other || !unix.WaitStatus(status).Signaled() {
		t.Errorf("thread %d, status %#x, %v; want the end of %d", tid, status, err, other)
	}
}
