// SPDX-License-Identifier: MIT

// cilium/ebpf, as a peer; ../README.md says what a peer is.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
)

const block = 4096 // of a batch: larger ones gain nothing

var version = "unknown" // set by the linker

type state struct {
	opened *ebpf.Map
	cpus   int
	all    []uint32 // the shuffled keys
	keys   []uint32
	values []uint64
}

func shuffled(length int) []uint32 {
	keys := make([]uint32, length)
	for i := range keys {
		keys[i] = uint32(i)
	}
	x := uint64(1)
	for i := length - 1; i >= 1; i-- {
		x = x*6364136223846793005 + 1442695040888963407
		j := (x >> 33) % uint64(i+1)
		keys[i], keys[j] = keys[j], keys[i]
	}
	return keys
}

// takeKeys puts the keys that FIRST COUNT RANGE mean into s.keys, and their values into s.values.
func (s *state) takeKeys(arguments []string) error {
	var numbers [3]int
	if len(arguments) != len(numbers) {
		return errors.New("FIRST COUNT RANGE")
	}
	for i, word := range arguments {
		var err error
		if numbers[i], err = strconv.Atoi(word); err != nil {
			return err
		}
	}
	first, count, length := numbers[0], numbers[1], numbers[2]
	if len(s.all) != length {
		s.all = shuffled(length)
	}
	s.keys = make([]uint32, count)
	s.values = make([]uint64, count)
	for i := range s.keys {
		s.keys[i] = s.all[(first+i)%length]
		s.values[i] = uint64(s.keys[i]) + 1
	}
	return nil
}

func (s *state) get() (uint64, error) {
	var sum, value uint64
	for i := range s.keys {
		if err := s.opened.Lookup(&s.keys[i], &value); err != nil {
			return 0, err
		}
		sum += value
	}
	return sum, nil
}

func (s *state) put() (uint64, error) {
	for i := range s.keys {
		if err := s.opened.Put(&s.keys[i], &s.values[i]); err != nil {
			return 0, err
		}
	}
	return uint64(len(s.keys)), nil
}

func (s *state) putBatch() (uint64, error) {
	for done := 0; done < len(s.keys); {
		end := min(done+block, len(s.keys))
		count, err := s.opened.BatchUpdate(s.keys[done:end], s.values[done:end], nil)
		if err != nil {
			return 0, err
		}
		done += count
	}
	return uint64(len(s.keys)), nil
}

func (s *state) erase() (uint64, error) {
	for i := range s.keys {
		if err := s.opened.Delete(&s.keys[i]); err != nil {
			return 0, err
		}
	}
	return uint64(len(s.keys)), nil
}

func (s *state) eraseBatch() (uint64, error) {
	for done := 0; done < len(s.keys); {
		end := min(done+block, len(s.keys))
		count, err := s.opened.BatchDelete(s.keys[done:end], nil)
		if err != nil {
			return 0, err
		}
		done += count
	}
	return uint64(len(s.keys)), nil
}

func (s *state) walk() (uint64, error) {
	var key uint32
	var sum, value uint64
	entries := s.opened.Iterate()
	for entries.Next(&key, &value) {
		sum += value
	}
	return sum, entries.Err()
}

type batchLookup func(cursor *ebpf.MapBatchCursor, keys, values any, options *ebpf.BatchOptions) (int, error)

// inBatches sums all values; of per-CPU maps, each element has s.cpus of them.
func (s *state) inBatches(lookup batchLookup, slots int) (uint64, error) {
	keys := make([]uint32, block)
	values := make([]uint64, block*slots)
	var cursor ebpf.MapBatchCursor
	var sum uint64
	for {
		count, err := lookup(&cursor, keys, values, nil)
		for _, value := range values[:count*slots] {
			sum += value
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return sum, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

func (s *state) reduce() (uint64, error) {
	var sum uint64
	slots := make([]uint64, s.cpus)
	for i := uint32(0); i < s.opened.MaxEntries(); i++ {
		if err := s.opened.Lookup(&i, &slots); err != nil {
			return 0, err
		}
		for _, slot := range slots {
			sum += slot
		}
	}
	return sum, nil
}

type operation struct {
	way string
	run func(*state) (uint64, error)
}

var operations = map[string]operation{
	"get":         {"Lookup", (*state).get},
	"put":         {"Put", (*state).put},
	"put_batch":   {"BatchUpdate", (*state).putBatch},
	"erase":       {"Delete", (*state).erase},
	"erase_batch": {"BatchDelete", (*state).eraseBatch},
	"walk":        {"Iterate", (*state).walk},
	"walk_batch": {"BatchLookup", func(s *state) (uint64, error) {
		return s.inBatches(s.opened.BatchLookup, 1)
	}},
	"drain_batch": {"BatchLookupAndDelete", func(s *state) (uint64, error) {
		return s.inBatches(s.opened.BatchLookupAndDelete, 1)
	}},
	"reduce": {"Lookup", (*state).reduce},
	"reduce_batch": {"BatchLookup", func(s *state) (uint64, error) {
		return s.inBatches(s.opened.BatchLookup, s.cpus)
	}},
}

func (s *state) open(path string) error {
	if s.opened != nil {
		s.opened.Close()
	}
	var err error
	if s.opened, err = ebpf.LoadPinnedMap(path, nil); err != nil {
		return err
	}
	s.cpus, err = ebpf.PossibleCPU()
	return err
}

func (s *state) answer(words []string) (string, error) {
	if words[0] == "hello" {
		return fmt.Sprintf("cilium/ebpf %s, %s", version, runtime.Version()), nil
	}
	if len(words) < 2 {
		return "", errors.New("a word is missing")
	}
	switch words[0] {
	case "open":
		return "ok", s.open(words[2])
	case "ways":
		return operations[words[1]].way, nil
	}
	chosen, known := operations[words[0]]
	if !known {
		return "", errors.New("no such operation: " + words[0])
	}
	if len(words) == 5 {
		if err := s.takeKeys(words[2:]); err != nil {
			return "", err
		}
	}
	start := time.Now()
	result, err := chosen.run(s)
	took := time.Since(start)
	return fmt.Sprintf("%d %d", took.Nanoseconds(), result), err
}

func main() {
	var s state
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answer, err := s.answer(strings.Fields(lines.Text()))
		if err != nil {
			answer = "error " + err.Error()
		}
		fmt.Println(answer)
	}
}
