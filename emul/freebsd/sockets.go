package freebsd

import (
	"encoding/binary"
	"maps"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// sockets is what a process knows about its sockets that the host cannot
// remember for it, by descriptor. FreeBSD keeps it in the socket; here it is
// known to the process that set it and to those forked from it afterwards,
// under the descriptor it was set on: a dup(2) of it or a receiver of it by
// SCM_RIGHTS has the defaults.
type sockets struct {
	memos map[int32]sockMemo
}

// sockMemo is that for one socket. The zero value are the defaults.
type sockMemo struct {
	options   int32 // SO_* flags of the kinds OptKept and OptStamp
	tsClock   int32 // SO_TS_*
	creds     int32 // SCM_CREDS or SCM_CREDS2: LOCAL_CREDS, LOCAL_CREDS_PERSISTENT
	credsOnce bool  // they are told once: LOCAL_CREDS on a stream
	connWait  bool
	dstAddr   bool
	recvIf    bool
	portRange int32
}

func socketsOf(t *emul.Task) *sockets { return &procOf(t).sockets }

func (s *sockets) empty() bool { return len(s.memos) == 0 }

func (s *sockets) get(fd int32) sockMemo { return s.memos[fd] }

func (s *sockets) set(fd int32, m sockMemo) {
	if m == (sockMemo{}) {
		delete(s.memos, fd)
		return
	}
	if s.memos == nil {
		s.memos = make(map[int32]sockMemo)
	}
	s.memos[fd] = m
}

// keepSocket remembers m of t's socket fd.
func keepSocket(t *emul.Task, fd int32, m sockMemo) {
	if m != (sockMemo{}) {
		t.KeepFD(int(fd))
	}
	socketsOf(t).set(fd, m)
}

// forget drops what is known of the descriptors from lo to hi.
func (s *sockets) forget(lo, hi int) {
	if len(s.memos) == 0 {
		return
	}
	if lo == hi {
		delete(s.memos, int32(lo))
		return
	}
	maps.DeleteFunc(s.memos, func(fd int32, _ sockMemo) bool { return int(fd) >= lo && int(fd) <= hi })
}

// forked returns the copy that a child process starts with.
func (s *sockets) forked() sockets { return sockets{maps.Clone(s.memos)} }

// noSigpipe says whether SO_NOSIGPIPE is set on fd.
func (s *sockets) noSigpipe(fd int32) bool {
	return len(s.memos) != 0 && s.memos[fd].options&abi.SO_NOSIGPIPE != 0
}

// sigpipeUnwanted says that a SIGPIPE comes from a write of the thread's own to
// a socket with SO_NOSIGPIPE. Linux sends it as if the process had done so
// itself, before the write returns: its first argument is still in place.
func sigpipeUnwanted(t *emul.Task, s *emul.Signal) bool {
	socks := socketsOf(t)
	if socks.empty() || s.Info.Code != 0 /* SI_USER */ || int32(binary.NativeEndian.Uint32(s.Info.Fields[:])) != int32(t.Proc.Pid) {
		return false
	}
	r, err := t.HostRegs()
	return err == nil && socks.noSigpipe(int32(r.Rdi))
}
