# A FreeBSD userland in a container on Linux, run by LSF:
#
#   docker build -t lsf . && docker run -it --rm lsf
#
# The FreeBSD system is what "lsf-install rootfs get" gets by --build-arg FREEBSD=…: an
# OCI image, a release such as 14.3, or an archive in this directory (./base.txz). With
# BuildKit it may also be a directory: --build-context freebsd=DIR.
#
#   docker build -t lsf-binfmt --target lsf-binfmt .
#   docker run --privileged --rm lsf-binfmt --install
#
# registers LSF with the kernel: all containers then run FreeBSD programs. See
# docs/containers.md.

ARG GO_IMAGE=golang:1.26

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY . .
RUN make

# The installer: nothing but static programs.
FROM scratch AS lsf-binfmt
COPY --from=build /src/bin/lsf-binfmt /src/bin/lsf-install /
ENTRYPOINT ["/lsf-install"]
CMD ["status"]

FROM build AS fetch
ARG FREEBSD=freebsd/freebsd-runtime:14.3
RUN bin/lsf-install rootfs get --no-cache --dir /freebsd "${FREEBSD}"

FROM scratch AS freebsd
COPY --from=fetch /freebsd /

# The shell: LSF is the container's entry, so nothing need be registered.
FROM scratch AS lsf
COPY --from=freebsd / /
COPY --from=build /src/bin/lsf-binfmt /usr/local/bin/lsf
ENV PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin HOME=/root
WORKDIR /root
ENTRYPOINT ["/usr/local/bin/lsf", "--"]
CMD ["/bin/sh"]
