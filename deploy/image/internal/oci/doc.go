// Package oci assembles an OCI image of several platforms from programs that Go has compiled, without a container engine, and stores it as an
// OCI layout with its SBOMs and as archives for docker load. The same programs give the same bytes, and so the same digest: no time but
// that of the commit, and no name of this machine, gets into them.
package oci
