package freebsd

import (
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// clockMap is xlat.Clock as a table, for patched call sites.
func clockMap() []byte {
	m := make([]byte, 16)
	for c := range m {
		m[c] = 0xff
		if linux, ok := xlat.Clock(abi.Clock(c)); ok {
			m[c] = byte(linux)
		}
	}
	return m
}
