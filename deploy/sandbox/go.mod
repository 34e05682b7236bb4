module github.com/impulse-sh/impulse/deploy/sandbox

go 1.26.0

require (
	github.com/spf13/cobra v1.10.2
	golang.org/x/mod v0.30.0
	golang.org/x/sync v0.21.0
	sigs.k8s.io/kwok v0.8.0
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
)
