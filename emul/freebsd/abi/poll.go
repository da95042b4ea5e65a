package abi

// Pollfd is struct pollfd (sys/poll.h).
type Pollfd struct {
	FD      int32
	Events  int16
	Revents int16
}

// Events of poll(2) (sys/poll.h).
const (
	POLLIN       = 0x0001
	POLLPRI      = 0x0002
	POLLOUT      = 0x0004 // also POLLWRNORM
	POLLERR      = 0x0008
	POLLHUP      = 0x0010
	POLLNVAL     = 0x0020
	POLLRDNORM   = 0x0040
	POLLRDBAND   = 0x0080
	POLLWRBAND   = 0x0100
	POLLINIGNEOF = 0x2000
	POLLRDHUP    = 0x4000
)
