#!/usr/bin/env bash
# github.com/rabbitmq/amqp091-go v1.16.0: the capabilities that a program sets in Config.Properties are replaced by the library's own, which
# lack authentication_failure_close.
#
# Expected: Config.Properties is the table of properties that the client advertises, so an entry capabilities with authentication_failure_close is sent,
# and a wrong password is answered by a Close method with the reason, as RabbitMQ does for clients that announce it.
# Actual: the entry is overwritten. RabbitMQ then closes the connection after some seconds without a reason, and the library guesses one.
# Consequence: a program cannot tell a wrong password from a broken connection by the server's answer.
# Workaround: announce the capability in the frame itself, or take an end of the connection during the login for a refusal.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	amqp "github.com/rabbitmq/amqp091-go"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	sent := make(chan []byte)
	go func() { sent <- login(l) }()
	properties := amqp.Table{
		"product":      "a program",
		"capabilities": amqp.Table{"authentication_failure_close": true, "of_the_program": true},
	}
	_, err = amqp.DialConfig("amqp://"+l.Addr().String()+"/", amqp.Config{Properties: properties})
	frame := <-sent
	fmt.Println("connected:", err == nil)
	for _, name := range []string{"a program", "authentication_failure_close", "of_the_program", "consumer_cancel_notify"} {
		fmt.Printf("the client announces %q: %t\n", name, bytes.Contains(frame, []byte(name)))
	}
}

// login sends Connection.Start to a client, and returns the frame with which it answers.
func login(l net.Listener) []byte {
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	var header [8]byte
	if _, err := io.ReadFull(c, header[:]); err != nil {
		panic(err)
	}
	var start bytes.Buffer
	start.Write([]byte{0, 10, 0, 10, 0, 9, 0, 0, 0, 0}) // connection.start, version 0-9, no server properties
	for _, text := range []string{"PLAIN", "en_US"} {
		binary.Write(&start, binary.BigEndian, uint32(len(text)))
		start.WriteString(text)
	}
	frame := binary.BigEndian.AppendUint32([]byte{1, 0, 0}, uint32(start.Len()))
	c.Write(append(append(frame, start.Bytes()...), 0xCE))
	var begin [7]byte
	if _, err := io.ReadFull(c, begin[:]); err != nil {
		panic(err)
	}
	answer := make([]byte, binary.BigEndian.Uint32(begin[3:]))
	if _, err := io.ReadFull(c, answer); err != nil {
		panic(err)
	}
	return answer
}
GO
go mod init example.test/finding >/dev/null 2>&1
go get github.com/rabbitmq/amqp091-go@v1.16.0 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = 'connected: false
the client announces "a program": true
the client announces "authentication_failure_close": false
the client announces "of_the_program": false
the client announces "consumer_cancel_notify": true' ]
