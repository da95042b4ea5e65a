package freebsd

import "testing"

func TestReleaseDate(t *testing.T) {
	for name, want := range map[string]int32{
		"13.2-RELEASE": 1302001, "13.2-RELEASE-p11": 1302001, "12.4-RELEASE": 1204000, "14.0-RELEASE": 1400097,
		"14.1-STABLE": 1401000, "15.0-CURRENT": 1500068, "": 0, "x": 0, "13": 0,
	} {
		if got := releaseDate(name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
	if got := releaseName(1302001); got != "13.2-RELEASE" {
		t.Error(got)
	}
}

func TestPrefixCut(t *testing.T) {
	tests := []struct{ p, host, in string }{
		{"/compat", "/compat", "/"},
		{"/compat", "/compat/", "/"},
		{"/compat", "/compat/etc", "/etc"},
		{"/compat", "/compatible", ""},
		{"/compat", "/etc", ""},
		{"/compat", "compat", ""},
		{"", "/etc", ""},
	}
	for _, tt := range tests {
		if in, ok := prefix(tt.p).cut(tt.host); ok != (tt.in != "") || ok && in != tt.in {
			t.Errorf("%q, %q: %q, %v", tt.p, tt.host, in, ok)
		}
	}
}
