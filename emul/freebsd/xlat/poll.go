package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// linuxWrband is Linux's POLLWRBAND (asm-generic/poll.h).
const linuxWrband = 0x200

// SamePollEvents are the events whose numbers and meanings are the same on
// both systems.
const SamePollEvents = abi.POLLIN | abi.POLLPRI | abi.POLLOUT | abi.POLLERR | abi.POLLHUP |
	abi.POLLNVAL | abi.POLLRDNORM | abi.POLLRDBAND

// PollEvents converts the events that a guest asks for. POLLINIGNEOF asks for
// data but not for the end of it; Linux cannot tell them apart beforehand.
func PollEvents(e int16) int16 {
	l := e & SamePollEvents
	if e&abi.POLLWRBAND != 0 {
		l |= linuxWrband
	}
	if e&abi.POLLRDHUP != 0 {
		l |= unix.POLLRDHUP
	}
	if e&abi.POLLINIGNEOF != 0 {
		l |= unix.POLLIN
	}
	return l
}

// PollRevents converts what Linux's poll found for a guest that asked for events.
func PollRevents(l, events int16) int16 {
	r := l & SamePollEvents
	if l&linuxWrband != 0 {
		r |= abi.POLLWRBAND
	}
	if l&unix.POLLRDHUP != 0 {
		r |= abi.POLLRDHUP
	}
	if events&abi.POLLINIGNEOF != 0 && l&unix.POLLIN != 0 {
		r |= abi.POLLINIGNEOF
		if events&abi.POLLIN == 0 {
			r &^= abi.POLLIN
		}
	}
	return r
}
