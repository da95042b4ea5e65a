package freebsd

import (
	"github.com/lsf-linux/lsf/emul"
)

// Who a process is.

// issetugid: a set-id program's supervisor could not have seized it, so no
// guest is one.
func issetugid(*emul.Task) emul.Action { return emul.Return(0) }
