package abi

// MqAttr is struct mq_attr (sys/mqueue.h).
type MqAttr struct {
	Flags   int64
	Maxmsg  int64
	Msgsize int64
	Curmsgs int64
	_       [4]int64
}
