// Package doctor judges an installation of Impulse: what works, what does not, and what to do about it. Its checks are functions of what was
// read from the cluster, and do no I/O. What could not be read is unknown, which is never "ok".
package doctor
