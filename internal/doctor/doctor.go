package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/internal/binfmt"
	"github.com/lsf-linux/lsf/internal/probe"
	"github.com/lsf-linux/lsf/systemd"
)

// Level says how bad a Finding is. Higher is worse.
type Level int

// The levels.
const (
	Fine    Level = iota
	Warning       // programs run, but not all, not always or not as they could
	Failure       // programs do not run
)

// Mark is the level's sign at the beginning of a line.
func (l Level) Mark() string {
	return [...]string{"✓", "!", "✗"}[l]
}

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) {
	return []byte([...]string{"fine", "warning", "failure"}[l]), nil
}

// Finding is what one check has found.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	// Mend is the command that mends it, or what to do; "" if all is fine.
	Mend string `json:"mend,omitempty"`
}

// Machine is what to look at.
type Machine struct {
	FS        binfmt.FS
	Boot      binfmt.Boot
	Want      systemd.Binfmt // the entry as it should be, with the interpreter that would be registered
	ConfigDir string
	Env       []string // as os.Environ, for settings and for programs that are run
}

// Worst is the level of the worst of the findings.
func Worst(list []Finding) Level {
	worst := Fine
	for _, f := range list {
		worst = max(worst, f.Level)
	}
	return worst
}

// Examine makes all checks, in the order in which one builds on the other.
func (m Machine) Examine(ctx context.Context) []Finding {
	set, _ := config.Load(m.ConfigDir, m.Env)
	direct, byName := m.runs(ctx, set)
	entry := m.entry(byName.Level == Fine)
	list := []Finding{m.kernel(set), ptracing(), m.filesystem(byName.Level == Fine), entry}
	list = append(list, m.rivals()...)
	list = append(list, m.interpreter(), m.boot(), m.settings(), m.root(set), direct, byName)
	return list
}

func fine(check, format string, args ...any) Finding {
	return Finding{Check: check, Text: fmt.Sprintf(format, args...)}
}

func bad(check string, level Level, mend, format string, args ...any) Finding {
	return Finding{check, level, fmt.Sprintf(format, args...), mend}
}

// sudo writes a command that needs root.
func sudo(command string) string {
	if os.Geteuid() != 0 {
		return "sudo " + command
	}
	return command
}

// register mends most of what can be wrong with an entry.
func register() string { return sudo("lsf-install install") }

// filesystem looks at binfmt_misc as a whole. Where programs run all the same,
// as in a container on a machine that has the entry, it need not be seen.
func (m Machine) filesystem(runs bool) Finding {
	const check = "binfmt_misc"
	err := m.FS.Mounted()
	switch {
	case err != nil && runs:
		return fine(check, "not to be seen here (%v), but it serves this place", err)
	case errors.Is(err, binfmt.ErrNoKernel):
		return bad(check, Failure, "use a kernel with CONFIG_BINFMT_MISC (in a container: run lsf-install on its host), or start programs by: lsf -- PROGRAM", "%v", err)
	case errors.Is(err, binfmt.ErrNotMounted):
		return bad(check, Failure, register(), "not mounted on %s", m.FS.Dir)
	case err != nil:
		return bad(check, Failure, sudo("lsf-install doctor"), "%v", err)
	}
	active, err := m.FS.Active()
	switch {
	case err != nil:
		return bad(check, Warning, sudo("lsf-install doctor"), "%v", err)
	case !active:
		return bad(check, Failure, register(), "switched off, for all programs")
	case m.FS.ReadOnly() && !runs:
		return bad(check, Failure, sudo("mount -o remount,rw "+m.FS.Dir)+" (in a container: run lsf-install on its host)",
			"mounted read-only: no entry can be made or changed")
	case m.FS.ReadOnly():
		return fine(check, "mounted on %s, read-only: the entry is kept by somebody else", m.FS.Dir)
	}
	return fine(check, "mounted on %s", m.FS.Dir)
}

// entry looks at our entry.
func (m Machine) entry(runs bool) Finding {
	const check = "entry"
	e, err := m.FS.Entry(m.Want.Name)
	switch {
	case m.FS.Mounted() != nil && runs:
		return fine(check, "not to be seen here, but FreeBSD programs run")
	case m.FS.Mounted() != nil:
		return bad(check, Failure, register(), "%s is not registered", m.Want.Name)
	case errors.Is(err, fs.ErrNotExist) && runs:
		return bad(check, Warning, register(), "%s is not registered here: FreeBSD programs run by some other entry", m.Want.Name)
	case errors.Is(err, fs.ErrNotExist):
		return bad(check, Failure, register(), "%s is not registered", m.Want.Name)
	case err != nil:
		return bad(check, Failure, sudo("lsf-install doctor"), "%v", err)
	}
	want := m.Want
	if want.Interpreter == "" {
		want.Interpreter = e.Interpreter
	}
	if why := e.Problem(want); why != "" {
		level := Failure
		if runs && e.Enabled {
			level = Warning // another interpreter, or not the newest
		}
		return bad(check, level, register(), "%s: %s", e.Name, why)
	}
	return fine(check, "%s: enabled, flags %s, %s", e.Name, e.Flags, e.Interpreter)
}

// rivals looks for entries of others that are for FreeBSD's programs. The one
// that was made last wins.
func (m Machine) rivals() []Finding {
	const check = "other entries"
	if m.FS.Mounted() != nil {
		return nil
	}
	all, err := m.FS.List()
	if err != nil {
		return []Finding{bad(check, Warning, sudo("lsf-install doctor"), "%v", err)}
	}
	ours, err := m.FS.Entry(m.Want.Name)
	registered := err == nil
	program := probe.Program(m.Want.Magic[osabiByte])
	var list []Finding
	for _, e := range all {
		if e.Name == m.Want.Name || !e.Enabled || !e.Matches(program) {
			continue
		}
		mend := sudo(fmt.Sprintf("sh -c 'echo -1 >%s/%s'", m.FS.Dir, e.Name))
		switch {
		case !registered:
			list = append(list, bad(check, Failure, mend, "%s takes FreeBSD's programs: %s", e.Name, e.Interpreter))
		case e.Made.Before(ours.Made):
			list = append(list, bad(check, Warning, mend, "%s is for FreeBSD's programs, too, and may come first after the next boot: %s", e.Name, e.Interpreter))
		default:
			list = append(list, bad(check, Failure, mend, "%s comes first and takes FreeBSD's programs: %s", e.Name, e.Interpreter))
		}
	}
	if list == nil {
		list = append(list, fine(check, "none is for FreeBSD's programs"))
	}
	return list
}

// osabiByte is where in a program it says whose it is.
const osabiByte = 7

// registeredInterpreter is the interpreter in the kernel, else the one that
// would be registered.
func (m Machine) registeredInterpreter() string {
	if e, err := m.FS.Entry(m.Want.Name); err == nil && e.Interpreter != "" {
		return e.Interpreter
	}
	return m.Want.Interpreter
}

// interpreter looks at lsf-binfmt.
func (m Machine) interpreter() Finding {
	const check = "interpreter"
	path := m.registeredInterpreter()
	if path == "" {
		return bad(check, Failure, "lsf-install install --interpreter PATH", "there is no lsf-binfmt beside lsf-install, nor in %s", systemd.Freebsd().Interpreter)
	}
	err := binfmt.CheckInterpreter(path)
	if err == nil {
		err = binfmt.CheckOwner(path)
	}
	switch {
	case err == nil:
		return fine(check, "%s: static", path)
	case errors.Is(err, binfmt.ErrUnreadable):
		return bad(check, Warning, sudo("chmod 755 "+path), "%v", err)
	case errors.Is(err, binfmt.ErrNotExecutable):
		return bad(check, Failure, sudo("chmod 755 "+path+" && "+register()), "%v", err)
	case errors.Is(err, binfmt.ErrWritable):
		return bad(check, Warning, sudo("lsf-install install --prefix /usr/local"), "%v: they could run code as every user of FreeBSD programs", err)
	case errors.Is(err, binfmt.ErrNoExec):
		return bad(check, Failure, sudo("lsf-install install --prefix /usr/local"), "%v", err)
	case errors.Is(err, fs.ErrNotExist):
		return bad(check, Failure, register(), "%s has been removed", path)
	}
	return bad(check, Failure, "make && "+register(), "%v", err)
}

// boot looks at what systemd-binfmt would do.
func (m Machine) boot() Finding {
	const check = "at boot"
	if binfmt.InUserNamespace() && m.Boot.Root == "" {
		return fine(check, "nothing: this entry is the user namespace's own")
	}
	f := m.Boot.Find(m.Want.Name)
	path := m.registeredInterpreter()
	switch {
	case f == nil && !m.Boot.Present():
		return fine(check, "nothing: there is no systemd-binfmt here; whatever starts this machine must run: lsf-install install")
	case f == nil:
		return bad(check, Warning, register(), "no file %s: systemd-binfmt removes the entry when it is started, and at the next boot", m.Boot.Ours(m.Want.Name))
	case f.Masked:
		return bad(check, Warning, sudo("rm "+f.Path+" && "+register()), "%s is masked: no entry is made", f.Path)
	case f.Err != nil:
		return bad(check, Failure, sudo("rm "+f.Path+" && "+register()), "%s: %v", f.Path, f.Err)
	}
	e := f.Entry
	if _, err := os.Stat(e.Interpreter); err != nil {
		return bad(check, Failure, register(), "%s names %s, which is not there", f.Path, e.Interpreter)
	}
	want := m.Want
	want.Interpreter = e.Interpreter
	switch {
	case e != want:
		return bad(check, Failure, register(), "%s makes another entry than LSF's", f.Path)
	case path != "" && e.Interpreter != path:
		return bad(check, Warning, register(), "%s names %s, which is not the one that is registered", f.Path, e.Interpreter)
	}
	return fine(check, "%s", f.Path)
}

// settings looks for mistakes in the configuration.
func (m Machine) settings() Finding {
	const check = "settings"

	c, err := config.Load(m.ConfigDir, nil)
	if err != nil {
		return bad(check, Warning, sudo("editor "+editFirst(err, m.ConfigDir)), "this is ignored: %s", oneLine(err))
	}
	trace := c.Trace
	if err := c.ApplyEnv(m.Env); err != nil {
		name, _, _ := strings.Cut(err.Error(), ":")
		return bad(check, Failure, "unset "+name, "in the environment: %s", oneLine(err))
	}
	if trace != "" {
		return bad(check, Warning, sudo("editor "+config.Files(m.ConfigDir)[0]), "trace = %q: all programs are traced, and slow", trace)
	}
	return fine(check, "root %s, mode %s, engine %s", c.Root, c.Mode, c.Engine)
}

// editFirst is the file that the first mistake is in.
func editFirst(err error, dir string) string {
	for _, name := range config.Files(dir) {
		if strings.HasPrefix(err.Error(), name+":") {
			return name
		}
	}
	return dir
}
