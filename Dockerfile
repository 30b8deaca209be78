# syntax=docker/dockerfile:1
#
# Two images from one file:
#   docker build --target operator -t outrider/operator:0.1.0 .
#   docker build --target sidecar  -t outrider/sidecar:0.1.0 .
#
# Node is the release that package.json pins, the base holds its libraries and CA certificates: no shell, no package manager.
# `node scripts/build-rootfs.ts` makes the same filesystems where there is no container engine.
ARG NODE_VERSION=24.21.0
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM node:${NODE_VERSION}-bookworm-slim AS node

# Bundles are the same for every platform, so they are built on the one at hand.
FROM --platform=$BUILDPLATFORM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Scripts of packages are not run: none is needed for a build, and none can then change what is built.
RUN npm ci --ignore-scripts
COPY . .
RUN ["node", "scripts/build.ts"]
RUN ["node", "scripts/image.ts", "/out"]

FROM ${BASE} AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="Outrider" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/LICENSE /usr/share/doc/node/LICENSE
ENV NODE_ENV=production \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /app
USER 65532:65532

FROM base AS operator
LABEL org.opencontainers.image.title="outrider-operator" \
      org.opencontainers.image.description="The control plane of Outrider: watches routes and providers, tells every sidecar what to run."
COPY --from=build /out/operator /
EXPOSE 8443 8444 8081
ENV MALLOC_ARENA_MAX=1 \
    MALLOC_TRIM_THRESHOLD_=16384 \
    MALLOC_MMAP_THRESHOLD_=8192 \
    MALLOC_TOP_PAD_=0
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "--no-maglev", "--no-sparkplug", "--heap-growing-percent=40", "--expose-gc", "/app/operator.js"]

FROM base AS sidecar
LABEL org.opencontainers.image.title="outrider-sidecar" \
      org.opencontainers.image.description="The data plane of Outrider: routes the LLM calls of the application beside it."
COPY --from=build /out/sidecar /
EXPOSE 4000 4001
ENV MALLOC_ARENA_MAX=1 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    MALLOC_MMAP_THRESHOLD_=131072 \
    MALLOC_TOP_PAD_=65536
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=2", "--max-old-space-size=128", "--no-maglev", "--no-parallel-scavenge", "--expose-gc", "/app/sidecar.js"]
