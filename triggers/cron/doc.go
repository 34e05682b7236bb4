// Package cron is the trigger for schedules: a number of replicas between two times of a schedule, in a time zone.
//
// It is pushed and exact. Nothing is polled; a timer fires at each start and end of a window.
package cron
