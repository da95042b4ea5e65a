package freebsd

import "github.com/lsf-linux/lsf/emul"

// process is the personality's state of a guest process. Each topic keeps its
// part in a struct of its own, in the topic's file.
type process struct {
	*emul.Process
	osreldate int32 // what the guest is told the kernel is, such as 1302001
	release   string
}

// thread is the personality's state of a guest thread.
type thread struct {
	*emul.Task
}

func procOf(t *emul.Task) *process  { return t.Proc.OS.(*process) }
func threadOf(t *emul.Task) *thread { return t.OS.(*thread) }
