package freebsd_test

import "testing"

func TestLocalRoutines(t *testing.T) {
	runGuest(t, "local", func(t *testing.T, stdout string) {
		if stdout != "done\n" {
			t.Error(stdout)
		}
	})
}
