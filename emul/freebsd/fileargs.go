package freebsd

import (
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/trace"
)

// OpenFlags is the flags argument of open(2).
type OpenFlags int32

var openFlagNames = []trace.Name{
	{Bits: abi.O_NONBLOCK, Name: "O_NONBLOCK"},
	{Bits: abi.O_APPEND, Name: "O_APPEND"},
	{Bits: abi.O_SHLOCK, Name: "O_SHLOCK"},
	{Bits: abi.O_EXLOCK, Name: "O_EXLOCK"},
	{Bits: abi.O_ASYNC, Name: "O_ASYNC"},
	{Bits: abi.O_SYNC, Name: "O_SYNC"},
	{Bits: abi.O_NOFOLLOW, Name: "O_NOFOLLOW"},
	{Bits: abi.O_CREAT, Name: "O_CREAT"},
	{Bits: abi.O_TRUNC, Name: "O_TRUNC"},
	{Bits: abi.O_EXCL, Name: "O_EXCL"},
	{Bits: abi.O_NOCTTY, Name: "O_NOCTTY"},
	{Bits: abi.O_DIRECT, Name: "O_DIRECT"},
	{Bits: abi.O_DIRECTORY, Name: "O_DIRECTORY"},
	{Bits: abi.O_EXEC, Name: "O_EXEC"},
	{Bits: abi.O_TTY_INIT, Name: "O_TTY_INIT"},
	{Bits: abi.O_CLOEXEC, Name: "O_CLOEXEC"},
	{Bits: abi.O_VERIFY, Name: "O_VERIFY"},
	{Bits: abi.O_PATH, Name: "O_PATH"},
	{Bits: abi.O_RESOLVE_BENEATH, Name: "O_RESOLVE_BENEATH"},
	{Bits: abi.O_DSYNC, Name: "O_DSYNC"},
	{Bits: abi.O_EMPTY_PATH, Name: "O_EMPTY_PATH"},
	{Bits: abi.O_NAMEDATTR, Name: "O_NAMEDATTR"},
	{Bits: abi.O_CLOFORK, Name: "O_CLOFORK"},
}

func (f OpenFlags) noFollow() bool {
	const fresh = abi.O_CREAT | abi.O_EXCL
	return f&abi.O_NOFOLLOW != 0 || f&fresh == fresh
}

func (f OpenFlags) beneath() bool { return f&abi.O_RESOLVE_BENEATH != 0 }

// TraceArg prints the access mode and the flags by name.
func (f OpenFlags) TraceArg(*trace.Ctx) string {
	mode := [4]string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}[f&abi.O_ACCMODE]
	if rest := uint64(uint32(f)) &^ abi.O_ACCMODE; rest != 0 {
		return mode + "|" + trace.Flags(rest, openFlagNames)
	}
	return mode
}

// AtFlags is the flag argument of the *at calls.
type AtFlags int32

func (f AtFlags) noFollow() bool { return f&abi.AT_SYMLINK_NOFOLLOW != 0 }
func (f AtFlags) beneath() bool  { return f&abi.AT_RESOLVE_BENEATH != 0 }

// LinkFlags is the flag argument of linkat(2), which follows links only if told so.
type LinkFlags int32

func (f LinkFlags) noFollow() bool { return f&abi.AT_SYMLINK_FOLLOW == 0 }
func (f LinkFlags) beneath() bool  { return f&abi.AT_RESOLVE_BENEATH != 0 }

// TraceArg prints the flags by name.
func (f LinkFlags) TraceArg(c *trace.Ctx) string { return AtFlags(f).TraceArg(c) }

// TraceArg prints the flags by name.
func (f AtFlags) TraceArg(*trace.Ctx) string {
	return trace.Flags(uint64(uint32(f)), []trace.Name{
		{Bits: 0, Name: "0"},
		{Bits: abi.AT_EACCESS, Name: "AT_EACCESS"},
		{Bits: abi.AT_SYMLINK_NOFOLLOW, Name: "AT_SYMLINK_NOFOLLOW"},
		{Bits: abi.AT_SYMLINK_FOLLOW, Name: "AT_SYMLINK_FOLLOW"},
		{Bits: abi.AT_REMOVEDIR, Name: "AT_REMOVEDIR"},
		{Bits: abi.AT_RESOLVE_BENEATH, Name: "AT_RESOLVE_BENEATH"},
		{Bits: abi.AT_EMPTY_PATH, Name: "AT_EMPTY_PATH"},
	})
}

// AccessMode is the mode argument of access(2).
type AccessMode int32

// TraceArg prints the bits by name.
func (m AccessMode) TraceArg(*trace.Ctx) string {
	return trace.Flags(uint64(uint32(m)), []trace.Name{
		{Bits: 0, Name: "F_OK"}, {Bits: 4, Name: "R_OK"}, {Bits: 2, Name: "W_OK"}, {Bits: 1, Name: "X_OK"},
	})
}

// Whence is the whence argument of lseek(2).
type Whence int32

// TraceArg prints the name.
func (w Whence) TraceArg(*trace.Ctx) string {
	return trace.Enum(int64(w), []trace.Name{
		{Bits: abi.SEEK_SET, Name: "SEEK_SET"},
		{Bits: abi.SEEK_CUR, Name: "SEEK_CUR"},
		{Bits: abi.SEEK_END, Name: "SEEK_END"},
		{Bits: abi.SEEK_DATA, Name: "SEEK_DATA"},
		{Bits: abi.SEEK_HOLE, Name: "SEEK_HOLE"},
	})
}

// FlockOp is the operation argument of flock(2).
type FlockOp int32

// TraceArg prints the bits by name.
func (o FlockOp) TraceArg(*trace.Ctx) string {
	return trace.Flags(uint64(uint32(o)), []trace.Name{
		{Bits: abi.LOCK_SH, Name: "LOCK_SH"},
		{Bits: abi.LOCK_EX, Name: "LOCK_EX"},
		{Bits: abi.LOCK_NB, Name: "LOCK_NB"},
		{Bits: abi.LOCK_UN, Name: "LOCK_UN"},
	})
}

// FcntlCmd is the command argument of fcntl(2).
type FcntlCmd int32

// TraceArg prints the name.
func (c FcntlCmd) TraceArg(*trace.Ctx) string {
	return trace.Enum(int64(c), []trace.Name{
		{Bits: abi.F_DUPFD, Name: "F_DUPFD"},
		{Bits: abi.F_GETFD, Name: "F_GETFD"},
		{Bits: abi.F_SETFD, Name: "F_SETFD"},
		{Bits: abi.F_GETFL, Name: "F_GETFL"},
		{Bits: abi.F_SETFL, Name: "F_SETFL"},
		{Bits: abi.F_GETOWN, Name: "F_GETOWN"},
		{Bits: abi.F_SETOWN, Name: "F_SETOWN"},
		{Bits: abi.F_OGETLK, Name: "F_OGETLK"},
		{Bits: abi.F_OSETLK, Name: "F_OSETLK"},
		{Bits: abi.F_OSETLKW, Name: "F_OSETLKW"},
		{Bits: abi.F_DUP2FD, Name: "F_DUP2FD"},
		{Bits: abi.F_GETLK, Name: "F_GETLK"},
		{Bits: abi.F_SETLK, Name: "F_SETLK"},
		{Bits: abi.F_SETLKW, Name: "F_SETLKW"},
		{Bits: abi.F_SETLK_REMOTE, Name: "F_SETLK_REMOTE"},
		{Bits: abi.F_READAHEAD, Name: "F_READAHEAD"},
		{Bits: abi.F_RDAHEAD, Name: "F_RDAHEAD"},
		{Bits: abi.F_DUPFD_CLOEXEC, Name: "F_DUPFD_CLOEXEC"},
		{Bits: abi.F_DUP2FD_CLOEXEC, Name: "F_DUP2FD_CLOEXEC"},
		{Bits: abi.F_ADD_SEALS, Name: "F_ADD_SEALS"},
		{Bits: abi.F_GET_SEALS, Name: "F_GET_SEALS"},
		{Bits: abi.F_ISUNIONSTACK, Name: "F_ISUNIONSTACK"},
		{Bits: abi.F_KINFO, Name: "F_KINFO"},
		{Bits: abi.F_DUPFD_CLOFORK, Name: "F_DUPFD_CLOFORK"},
		{Bits: abi.F_DUP3FD, Name: "F_DUP3FD"},
	})
}
