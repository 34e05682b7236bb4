// Package control is the folder of the running process: app starts it, controller follows the ScaledObjects, autoscaler decides
// for one workload, status reports, and election makes sure that one replica writes.
package control
