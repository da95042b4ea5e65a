package xlat

import "golang.org/x/sys/unix"

// WaitOptions converts the options of wait4 and wait6 (sys/wait.h). ok is
// false for a bit that FreeBSD does not know.
func WaitOptions(o int32) (host int32, ok bool) {
	for _, b := range []struct{ guest, host int32 }{
		{1, unix.WNOHANG}, {2, unix.WUNTRACED}, {4, unix.WCONTINUED}, {8, unix.WNOWAIT},
		{16, unix.WEXITED}, {32, 0}, // WTRAPPED: guests are not traced by guests
	} {
		if o&b.guest != 0 {
			host |= b.host
			o &^= b.guest
		}
	}
	return host, o&^0x40000000 == 0 // WLINUXCLONE is ignored
}
