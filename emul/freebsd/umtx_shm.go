package freebsd

import (
	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

func umtxShm(t *emul.Task, addr Addr, flags uint32) emul.Action {
	return emul.Fail(abi.EOPNOTSUPP)
}
