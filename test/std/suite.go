package std

import (
	"slices"
	"time"
)

// job is a package to test.
type job struct {
	pkg string
	// skip are tests that are left out where only the core is tested, because
	// they take long and show nothing of the kernel's that others do not.
	skip string
	// run are the only tests where only the core is tested.
	run string
	// once: one engine suffices.
	once bool
}

// core are the packages that talk to the kernel: tested by make test.
var core = []job{
	{pkg: "internal/poll"},
	{pkg: "internal/syscall/unix"},
	{pkg: "io/fs", once: true},
	{pkg: "io/ioutil", once: true},
	{pkg: "log/syslog", once: true},
	{pkg: "net", run: "^Test(Accept|Conn|Close|Copy|CloseRead|Dial|File|IPConn|Listen|Packet|Read|Sendfile|Splice|TCP|UDP|Unix|Write|Interface|.*Deadline|.*Timeout)"},
	{pkg: "os"},
	{pkg: "os/exec"},
	{pkg: "os/signal"},
	{pkg: "os/user"},
	{pkg: "path/filepath"},
	{pkg: "runtime", run: "^Test(Signal|Sig|Crash|Panic|Segv|Fault|Nil|Stack|Goexit|Deadlock|Lock|Note|Sleep|Timer|Spurious|Preempt|Yield|Usleep|Ping|Fork|Badsignal|.*Memory|.*Mmap|Env|Unsafe|Netpoll|Set)"},
	{pkg: "sync"},
	{pkg: "sync/atomic"},
	{pkg: "syscall"},
	{pkg: "time", skip: "^TestLongAdjustTimers$"},
}

// isCore tells whether a package is tested with both engines.
func isCore(pkg string) bool {
	return slices.ContainsFunc(core, func(j job) bool { return j.pkg == pkg && !j.once })
}

// patience returns how long a package's tests may take. Programs that
// ask the kernel much take several times as long as on FreeBSD.
func patience(pkg string) time.Duration {
	switch pkg {
	case "runtime", "time", "net/http", "net", "os", "cmp", "go/types", "crypto/tls", "math/big":
		return 15 * time.Minute
	}
	return 5 * time.Minute
}
