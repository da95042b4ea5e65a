package freebsd

import "testing"

func TestLinkTarget(t *testing.T) {
	for _, c := range []struct{ link, target, want string }{
		{"link", "to", "to"},
		{"a/link", "to/", "a/to"},
		{"/a/link", "../b", "/a/../b"},
		{"/a/link", "/b//", "/b"},
		{"link", "/", "/"},
	} {
		if got := linkTarget(c.link, c.target); got != c.want {
			t.Errorf("linkTarget(%q, %q) = %q, want %q", c.link, c.target, got, c.want)
		}
	}
}
