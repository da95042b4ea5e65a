package freebsd

import "github.com/lsf-linux/lsf/emul"

// ioctlSocket serves the requests of network interfaces, sockets and routes
// (groups 'i', 's', 'r' of sys/sockio.h).
func ioctlSocket(t *emul.Task, fd FD, cmd IoctlCmd, arg Addr) emul.Action {
	return ioctlUnknown(t, fd, cmd)
}
