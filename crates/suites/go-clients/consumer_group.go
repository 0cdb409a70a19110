package main

import (
	sls "github.com/aliyun/aliyun-log-go-sdk"
)

const groupName = "readers"

// Input: a cursor of shard 0. Result: what each step was told, in one group of two consumers.
func consumerGroup(s *session, _ []string) (any, error) {
	var cursor string
	if err := input(&cursor); err != nil {
		return nil, err
	}
	steps := &steps{session: s, found: map[string]any{}}

	group := sls.ConsumerGroup{ConsumerGroupName: groupName, Timeout: 30}
	steps.code("create", s.client.CreateConsumerGroup(s.project, s.logstore, group))
	steps.code("create_again", s.client.CreateConsumerGroup(s.project, s.logstore, group))
	steps.list("created")
	group.Timeout, group.InOrder = 60, true
	steps.code("update", s.client.UpdateConsumerGroup(s.project, s.logstore, group))
	steps.list("updated")

	_, err := s.client.HeartBeat(s.project, s.logstore, groupName, "stranger", []int{0})
	steps.code("unknown", err)
	steps.beat("alone", "first", nil)
	// The second gets what the first gives up, once the first reports that it did.
	steps.beat("second_waits", "second", nil)
	kept := steps.beat("first_gives_up", "first", []int{0, 1})
	steps.beat("first_keeps", "first", kept)
	steps.beat("second_gets", "second", nil)

	owner, other := "second", "first"
	if len(kept) == 1 && kept[0] == 0 {
		owner, other = other, owner
	}
	steps.checkpoints("before")
	save := func(consumer string) error {
		return s.client.UpdateCheckpoint(s.project, s.logstore, groupName, consumer, 0, cursor, false)
	}
	steps.code("saved_by_other", save(other))
	steps.code("saved", save(owner))
	steps.checkpoints("after")

	steps.code("delete", s.client.DeleteConsumerGroup(s.project, s.logstore, groupName))
	steps.list("deleted")
	return steps.found, steps.failure
}

// What the steps were told, until one of them failed.
type steps struct {
	*session
	found   map[string]any
	failure error
}

func (s *steps) note(step string, told any, err error) {
	s.found[step] = told
	if s.failure == nil {
		s.failure = err
	}
}

func (s *steps) code(step string, err error) {
	told, err := refused(err)
	s.note(step, told, err)
}

func (s *steps) list(step string) {
	told, err := s.client.ListConsumerGroup(s.project, s.logstore)
	groups := [][3]any{}
	for _, group := range told {
		groups = append(groups, [3]any{group.ConsumerGroupName, group.Timeout, group.InOrder})
	}
	s.note(step, groups, err)
}

func (s *steps) beat(step, consumer string, held []int) []int {
	told, err := s.client.HeartBeat(s.project, s.logstore, groupName, consumer, held)
	s.note(step, append([]int{}, told...), err)
	return told
}

// Shard, cursor and consumer of each.
func (s *steps) checkpoints(step string) {
	told, err := s.client.GetCheckpoint(s.project, s.logstore, groupName)
	saved := [][3]any{}
	for _, one := range told {
		saved = append(saved, [3]any{one.ShardID, one.CheckPoint, one.Consumer})
	}
	s.note(step, saved, err)
}
