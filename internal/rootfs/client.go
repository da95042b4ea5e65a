package rootfs

import (
	"fmt"
	"net/http"
	"time"
)

// Client gets, keeps and removes trees. Its exported fields are set before it is
// used and left alone then. It is not for concurrent use; processes are.
type Client struct {
	Cache    string   // where downloads are kept
	State    string   // where it is kept which trees there are
	Mirror   string   // what holds FreeBSD's releases; "" is DefaultMirror
	Limits   Limits   // of what is extracted
	Progress Progress // nil tells nothing

	rt         http.RoundTripper // as good as newTransport's, for tests
	stallAfter time.Duration     // for tests
	firstPause time.Duration     // for tests
}

// Progress is told what goes on.
type Progress interface {
	// Say tells one line.
	Say(line string)
	// Bar begins something that takes long. total is in bytes, -1 if unknown.
	Bar(name string, total int64) Bar
}

// Bar is one thing that takes long.
type Bar interface {
	Set(done, total int64)
	Done()
}

type silent struct{}

func (silent) Say(string)            {}
func (silent) Bar(string, int64) Bar { return silent{} }
func (silent) Set(done, total int64) {}
func (silent) Done()                 {}
func (c *Client) progress() Progress {
	if c.Progress == nil {
		return silent{}
	}
	return c.Progress
}

func (c *Client) say(format string, args ...any) { c.progress().Say(fmt.Sprintf(format, args...)) }

// transport is one for a few requests; its idle connections end by themselves.
func (c *Client) transport() http.RoundTripper {
	if c.rt == nil {
		c.rt = newTransport()
	}
	return c.rt
}

func (c *Client) stall() time.Duration {
	if c.stallAfter > 0 {
		return c.stallAfter
	}
	return time.Minute
}

func (c *Client) pause() time.Duration {
	if c.firstPause > 0 {
		return c.firstPause
	}
	return time.Second
}
