# The image of `make image`, for those who build with Docker or Podman:
#   docker build --build-arg VERSION=$(git describe --tags --always) --build-arg REVISION=$(git rev-parse HEAD) \
#     --build-arg CREATED=$(git log -1 --format=%cI) --tag impulse .
# A test of deploy/image compares its user, entrypoint and labels with those of `make image`.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY third_party third_party
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH TAGS= VERSION=dev
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make build TAGS=$TAGS VERSION=$VERSION OUT=/impulse

FROM scratch
COPY LICENSE /LICENSE
COPY deploy/image/internal/oci/rootfs/etc /etc
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /impulse /impulse
ARG VERSION=dev REVISION= CREATED=
LABEL org.opencontainers.image.title="Impulse" \
      org.opencontainers.image.description="An event-driven autoscaler for Kubernetes" \
      org.opencontainers.image.source="https://github.com/impulse-sh/impulse" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/impulse"]
