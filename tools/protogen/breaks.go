package main

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// breaks lists what of an old contract a new one no longer keeps: anything removed,
// renamed or renumbered, and any changed type. What is only new breaks nothing.
func breaks(old, now protoreflect.FileDescriptor) []string {
	var b breakage
	if old.Package() != now.Package() {
		b.say("package %s became %s", old.Package(), now.Package())
		return b
	}
	b.messages(old.Messages(), now.Messages())
	b.enums(old.Enums(), now.Enums())
	b.services(old.Services(), now.Services())
	return b
}

type breakage []string

func (b *breakage) say(format string, a ...any) { *b = append(*b, fmt.Sprintf(format, a...)) }

func (b *breakage) messages(old, now protoreflect.MessageDescriptors) {
	for i := range old.Len() {
		was := old.Get(i)
		is := now.ByName(was.Name())
		if is == nil {
			b.say("message %s is gone", was.FullName())
			continue
		}
		b.fields(was, is)
		b.messages(was.Messages(), is.Messages())
		b.enums(was.Enums(), is.Enums())
	}
}

func (b *breakage) fields(old, now protoreflect.MessageDescriptor) {
	for i := range old.Fields().Len() {
		was := old.Fields().Get(i)
		is := now.Fields().ByNumber(was.Number())
		if is == nil {
			b.say("field %s = %d is gone", was.FullName(), was.Number())
			continue
		}
		if was.Name() != is.Name() {
			b.say("field %s = %d is called %s", was.FullName(), was.Number(), is.Name())
		}
		if before, after := shape(was), shape(is); before != after {
			b.say("field %s = %d was %s and is %s", was.FullName(), was.Number(), before, after)
		}
	}
}

// shape is all of a field that the wire and the generated code depend on.
func shape(f protoreflect.FieldDescriptor) string {
	text := f.Cardinality().String() + " " + f.Kind().String()
	switch {
	case f.Message() != nil:
		text += " " + string(f.Message().FullName())
	case f.Enum() != nil:
		text += " " + string(f.Enum().FullName())
	}
	if f.HasPresence() && f.Message() == nil {
		text += " with presence"
	}
	if one := f.ContainingOneof(); one != nil && !one.IsSynthetic() {
		text += " in oneof " + string(one.Name())
	}
	return text
}

func (b *breakage) enums(old, now protoreflect.EnumDescriptors) {
	for i := range old.Len() {
		was := old.Get(i)
		is := now.ByName(was.Name())
		if is == nil {
			b.say("enum %s is gone", was.FullName())
			continue
		}
		for v := range was.Values().Len() {
			value := was.Values().Get(v)
			if same := is.Values().ByName(value.Name()); same == nil || same.Number() != value.Number() {
				b.say("value %s = %d of enum %s is gone", value.Name(), value.Number(), was.FullName())
			}
		}
	}
}

func (b *breakage) services(old, now protoreflect.ServiceDescriptors) {
	for i := range old.Len() {
		was := old.Get(i)
		is := now.ByName(was.Name())
		if is == nil {
			b.say("service %s is gone", was.FullName())
			continue
		}
		for m := range was.Methods().Len() {
			method := was.Methods().Get(m)
			same := is.Methods().ByName(method.Name())
			if same == nil {
				b.say("rpc %s is gone", method.FullName())
				continue
			}
			if before, after := signature(method), signature(same); before != after {
				b.say("rpc %s was %s and is %s", method.FullName(), before, after)
			}
		}
	}
}

func signature(m protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("%s -> %s", side(m.Input(), m.IsStreamingClient()), side(m.Output(), m.IsStreamingServer()))
}

func side(m protoreflect.MessageDescriptor, stream bool) string {
	if stream {
		return "stream " + string(m.FullName())
	}
	return string(m.FullName())
}
