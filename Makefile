# LSF runs FreeBSD programs on Linux. "make" builds it into bin/.

GO  ?= go
BIN ?= bin

# Everything is static. -E makes our own code the entry point of lsf-binfmt:
# it runs before Go does (cmd/lsf-binfmt/entry_amd64.s).
BUILD = CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) build -trimpath -buildvcs=false

# What the tests are given besides: make test TESTFLAGS=-v PKG=./loader
TESTFLAGS ?=
PKG       ?= ./...

all: $(BIN)/lsf-binfmt $(BIN)/lsf-install $(BIN)/lsf

$(BIN)/lsf-binfmt: FORCE
	$(BUILD) -ldflags '-s -w -E _lsf_entry' -o $@ ./cmd/lsf-binfmt

$(BIN)/lsf-install: FORCE
	$(BUILD) -ldflags '-s -w' -o $@ ./cmd/lsf-install

$(BIN)/lsf: $(BIN)/lsf-binfmt
	ln -sf lsf-binfmt $@

# Shows a FreeBSD program that runs.
demo: all
	scripts/demo.sh

# What must pass before a change goes in. One package at a time: many tests
# start whole trees of processes.
test: all check
	$(GO) test -p 1 -timeout 25m $(TESTFLAGS) $(PKG)

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...

# Go's own standard library, tested as FreeBSD programs: all packages that have
# tests, or LSF_TEST_STD="os net" (test/std/doc.go). Takes long.
test-std: all
	LSF_TEST_STD="$${LSF_TEST_STD:-all}" $(GO) test -count=1 -p 1 -timeout 10h $(TESTFLAGS) ./test/std

# What system calls cost, beside the same program built for Linux.
bench: all
	$(GO) run ./test/bench -lsf $(BIN)/lsf

# Fuzzes every reader of foreign bytes for a while each.
FUZZTIME ?= 30s
fuzz:
	@$(GO) list ./... | while read -r pkg; do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; \
			$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$pkg || exit 1; \
		done; \
	done

# A Debian package, into the directory above: make deb OUT=DIR VERSION=1.2.
deb:
	@GO='$(GO)' packaging/deb/build.sh

SHARE   = $(DESTDIR)/usr/share
MAN     = lsf.1 lsf.toml.5 lsf-binfmt.8
# What changes with lsf-install is asked from it.
ASK     = $(BIN)/lsf-install
install: all
	install -D -m 755 $(BIN)/lsf-binfmt $(DESTDIR)/usr/libexec/lsf/lsf-binfmt
	install -D -m 755 $(BIN)/lsf-install $(DESTDIR)/usr/sbin/lsf-install
	install -d $(DESTDIR)/usr/bin
	ln -sf ../libexec/lsf/lsf-binfmt $(DESTDIR)/usr/bin/lsf
	install -D -m 644 systemd/lsf-freebsd.conf $(DESTDIR)/usr/lib/binfmt.d/lsf-freebsd.conf
	[ -e $(DESTDIR)/etc/lsf/config.toml ] || install -D -m 644 packaging/config.toml $(DESTDIR)/etc/lsf/config.toml
	for page in $(MAN); do install -D -m 644 man/$$page $(SHARE)/man/man$${page##*.}/$$page || exit 1; done
	install -d $(SHARE)/bash-completion/completions $(SHARE)/zsh/vendor-completions $(SHARE)/fish/vendor_completions.d
	$(ASK) man >$(SHARE)/man/man8/lsf-install.8
	$(ASK) completion bash >$(SHARE)/bash-completion/completions/lsf-install
	$(ASK) completion zsh >$(SHARE)/zsh/vendor-completions/_lsf-install
	$(ASK) completion fish >$(SHARE)/fish/vendor_completions.d/lsf-install.fish

clean:
	rm -rf $(BIN)

FORCE:
.PHONY: all demo test check test-std bench fuzz deb install clean FORCE
