package rootfs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sys/unix"
)

const (
	maxRedirects = 10
	userAgent    = "lsf-install"
)

// newTransport honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Compression is left
// alone: what is downloaded is compressed, and digests are of that.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   30 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		IdleConnTimeout:       60 * time.Second,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
	}
}

var (
	errRedirects = fmt.Errorf("more than %d redirects", maxRedirects)
	errDowngrade = errors.New("redirected from https to http")
)

// newClient follows a limited number of redirects, none from https to http.
func newClient(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errRedirects
		}
		if req.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https" {
			return errDowngrade
		}
		return nil
	}}
}

// statusError is an answer other than what was asked for.
type statusError struct {
	url    string
	code   int
	header http.Header
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: the server says %d %s", e.url, e.code, http.StatusText(e.code))
}

// get asks for a URL and returns the answer, whose status is one of those accepted.
func get(ctx context.Context, client *http.Client, rawURL string, header http.Header, accept ...int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	for _, code := range accept {
		if resp.StatusCode == code {
			return resp, nil
		}
	}
	resp.Body.Close()
	return nil, &statusError{redacted(rawURL), resp.StatusCode, resp.Header}
}

// redacted is a URL without a password.
func redacted(rawURL string) string {
	if u, err := url.Parse(rawURL); err == nil {
		return u.Redacted()
	}
	return rawURL
}

// fetchText gets a small file.
func (c *Client) fetchText(ctx context.Context, rawURL string, limit int64) ([]byte, error) {
	var text []byte
	err := c.retry(ctx, func() (bool, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, c.stall(), errStalled)
		defer cancel()
		resp, err := get(ctx, newClient(c.transport()), rawURL, nil, http.StatusOK)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		text, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
		if err == nil && int64(len(text)) > limit {
			err = fmt.Errorf("%s: %w", redacted(rawURL), errTooBig)
		}
		return false, err
	})
	return text, explain(err)
}

// retry calls f again after failures that may pass, with growing pauses. f tells
// whether it got on: then the count begins anew.
func (c *Client) retry(ctx context.Context, f func() (progress bool, err error)) error {
	const attempts = 5
	pause := c.pause()
	for n := 1; ; n++ {
		progress, err := f()
		if err == nil || ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		if progress {
			n, pause = 1, c.pause()
		}
		if n >= attempts || !passing(err) {
			return err
		}
		wait := pause
		var status *statusError
		if errors.As(err, &status) {
			if d, e := time.ParseDuration(status.header.Get("Retry-After") + "s"); e == nil && d > wait {
				wait = min(d, 2*time.Minute)
			}
		}
		c.say("%v; trying again", explain(err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause *= 2
	}
}

// passing tells failures that may be gone the next time.
func passing(err error) bool {
	var status *statusError
	var dns *net.DNSError
	var code unix.Errno
	switch {
	case errors.As(err, &status):
		return status.code == http.StatusRequestTimeout || status.code == http.StatusTooManyRequests || status.code >= 500
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.Is(err, errRedirects), errors.Is(err, errDowngrade), errors.Is(err, errTooBig), isTLS(err):
		return false
	case errors.As(err, &code):
		switch code {
		case unix.ECONNRESET, unix.EPIPE, unix.ETIMEDOUT, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ECONNABORTED:
			return true
		}
		return false
	}
	var netErr net.Error
	var urlErr *url.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errStalled) ||
		errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) || errors.As(err, &urlErr)
}

func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &unknown) ||
		errors.As(err, &host) || errors.As(err, &invalid)
}

// explain adds to an error of the network what can be done about it.
func explain(err error) error {
	var status *statusError
	var registry *transport.Error
	var dns *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		return explainStatus(status.code, err)
	case errors.As(err, &registry):
		return explainStatus(registry.StatusCode, err)
	case errors.As(err, &dns):
		return fmt.Errorf("cannot find the host %s (is the network up? is HTTPS_PROXY needed?): %w", dns.Name, err)
	case isTLS(err):
		return fmt.Errorf("no secure connection (is the clock right, the package ca-certificates installed?): %w", err)
	case strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)): // to CONNECT
		return explainStatus(http.StatusProxyAuthRequired, err)
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errStalled):
		return fmt.Errorf("no answer in time (is HTTPS_PROXY needed?): %w", err)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return fmt.Errorf("no connection (is HTTPS_PROXY needed?): %w", err)
	}
	return fullDisk(err)
}

func explainStatus(code int, err error) error {
	switch code {
	case http.StatusNotFound:
		return fmt.Errorf("there is no such thing (lsf-install rootfs list --remote shows what there is): %w", err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("access denied (is the name right? private images need docker login or podman login first): %w", err)
	case http.StatusProxyAuthRequired:
		return fmt.Errorf("the proxy wants a password (HTTPS_PROXY=http://user:password@host:port): %w", err)
	case http.StatusTooManyRequests:
		return fmt.Errorf("the server has had too many requests from here (docker login raises the limit; or wait): %w", err)
	}
	return err
}
