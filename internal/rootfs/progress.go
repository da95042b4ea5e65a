package rootfs

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"
)

// NewProgress tells people what goes on: by bars on a terminal, else
// by lines.
func NewProgress(w io.Writer) Progress {
	if f, ok := w.(*os.File); ok {
		// Of a terminal without a size, as some programs make them, bars would see nothing.
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Row > 1 && size.Col > 20 {
			return &bars{out: w}
		}
	}
	return lines{w}
}

// lines is the progress for log files.
type lines struct{ out io.Writer }

func (l lines) Say(line string) { fmt.Fprintln(l.out, line) }

func (l lines) Bar(name string, total int64) Bar { return &lineBar{out: l.out, name: name} }

// lineBar is one line, when something happens at all.
type lineBar struct {
	out  io.Writer
	name string
	once sync.Once
}

func (b *lineBar) Set(_, total int64) {
	b.once.Do(func() {
		if total <= 0 {
			fmt.Fprintln(b.out, b.name)
			return
		}
		fmt.Fprintf(b.out, "%s (%s)\n", b.name, BytesText(total))
	})
}

func (*lineBar) Done() {}

// bars is the progress for terminals. One bar is shown at a time.
type bars struct {
	out io.Writer
	now *mpb.Progress
}

func (b *bars) Say(line string) {
	if b.now != nil {
		fmt.Fprintln(b.now, line) // above the bar
		return
	}
	fmt.Fprintln(b.out, line)
}

func (b *bars) Bar(name string, total int64) Bar {
	p := mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(36))
	bar := p.New(max(total, 0), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Counters(decor.SizeB1000(0), "% .1f / % .1f", decor.WCSyncWidth),
			decor.Name("  "), decor.AverageETA(decor.ET_STYLE_MMSS)))
	b.now = p
	return &termBar{owner: b, progress: p, bar: bar}
}

type termBar struct {
	owner    *bars
	progress *mpb.Progress
	bar      *mpb.Bar
	total    int64
}

func (b *termBar) Set(done, total int64) {
	if total > 0 && total != b.total {
		b.total = total
		b.bar.SetTotal(total, false)
	}
	b.bar.SetCurrent(done)
}

// Done leaves a bar that is full on the screen, and takes away any other.
func (b *termBar) Done() {
	if b.total > 0 && b.bar.Current() >= b.total {
		b.bar.SetTotal(b.total, true)
	} else {
		b.bar.Abort(true)
	}
	b.progress.Wait()
	b.owner.now = nil
}
