package pair

import (
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Codes of refusals.
const (
	CodeOtherVersion  = "other-version"  // the peer speaks another protocol
	CodeOtherPair     = "other-pair"     // it belongs to another pair
	CodeStranger      = "stranger"       // it is not the server the pair was formed with
	CodeSameServer    = "same-server"    // it is this very server
	CodeCopiedServer  = "copied-server"  // another one speaks as the same server
	CodeSecondPrimary = "second-primary" // two keys of role 03
	CodeUnwell        = "unwell"         // this server is not fit to take over
	CodeParity        = "parity-unknown" // nobody knows whether the jobs would run as they should
	CodeManual        = "manual"         // the policy leaves it to an operator
	CodePeerResting   = "peer-resting"   // nobody would be left to work
	CodeStandby       = "standby"        // the peer works; submit there
	CodeStarting      = "starting"       // not yet
)

// refuse tells a reason, once until it changes or is gone.
func (m *Machine) refuse(why *core.Failure) {
	if why.Code == m.refused {
		return
	}
	m.refused = why.Code
	m.say(Refuse{why})
}

// mended takes a reason back that is gone.
func (m *Machine) mended(code string) {
	if m.refused == code {
		m.refused = ""
	}
}

func refusal(code, remedy, format string, a ...any) *core.Failure {
	return &core.Failure{Code: code, Remedy: remedy, Detail: fmt.Sprintf(format, a...), Permanent: true}
}

// unfit is why no pair can be with who says this; nil: it is the peer.
func (m *Machine) unfit(v View) *core.Failure {
	switch {
	case v.Protocol != m.cfg.Protocol:
		return refusal(CodeOtherVersion, "install the same version on both; until then each works on its own jobs, unprotected",
			"server %q speaks generation %d of the pair's protocol, this server %d", v.Server, v.Protocol, m.cfg.Protocol)
	case v.Pair != m.cfg.Pair:
		return refusal(CodeOtherPair, "run \"twinleaf pair status\" on both and join them anew if they belong together",
			"server %q belongs to pair %q, this server to %q", v.Server, v.Pair, m.cfg.Pair)
	case v.Server == m.cfg.Self:
		return refusal(CodeSameServer, "give each server its own data folder: a copied one has the same server id",
			"the peer says that it is %q, which is this server", v.Server)
	case v.Server != m.cfg.Peer:
		return refusal(CodeStranger, "join it to the pair first, in place of the server that it replaces",
			"server %q speaks as the peer, which is %q", v.Server, m.cfg.Peer)
	}
	return nil
}

func refuseSecondPrimary(peer string) *core.Failure {
	return refusal(CodeSecondPrimary, "deactivate the 03 of one of them and activate its 04",
		"server %q is an active primary (03) and so is this one: its jobs are shipped, not worked on", peer)
}

func refuseUnwell(phase Phase, h Health, mode string) *core.Failure {
	why, remedy := "it is "+string(phase), "wait until it works"
	switch {
	case mode == ModeMaintenance:
		why, remedy = "it is in maintenance", "run \"twinleaf pair maintenance off\" here"
	case !h.Data:
		why, remedy = "its data service is down", "free space on the disk of the data folder, or make it writable again"
	case !h.Web:
		why, remedy = "its web service is down", "see the log for why it does not listen"
	}
	return refusal(CodeUnwell, remedy, "this server does not take over: %s", why)
}

func refuseParity(peer string) *core.Failure {
	return refusal(CodeParity, "let both servers see each other once, so that \"twinleaf parity\" can compare them",
		"this server does not take over: it was never compared with %q, so jobs could run wrongly", peer)
}

func refuseManual(peer string, cause Cause) *core.Failure {
	return refusal(CodeManual, "run \"twinleaf pair takeover\" here if the jobs are not to wait",
		"server %q is gone (%s); the policy leaves the takeover to an operator", peer, cause)
}

func refuseUnwritten(mode string) *core.Failure {
	return refusal(core.CodeDataDown, "free space on the disk of the data folder, then say it again",
		"the mode %q could not be written to the journal and does not hold", mode)
}

// command does what an operator asks, or says why not: whoever asks is answered, and what
// was refused once is not what is wrong with the pair.
func (m *Machine) command(do Order) {
	if why := m.obey(do); why != nil {
		m.say(Refuse{why})
	}
}

func (m *Machine) obey(do Order) *core.Failure {
	switch do {
	case TakeOver:
		return m.orderTakeover()
	case HandBack:
		return m.orderHandBack()
	case MaintenanceOn:
		if m.linked() && m.ear.view.Rest == Maintenance {
			return refusal(CodePeerResting, "run \"twinleaf pair maintenance off\" there first",
				"server %q is in maintenance: nobody would be left to work", m.cfg.Peer)
		}
		m.setMode(ModeMaintenance)
	case MaintenanceOff:
		m.setMode(ModeActive)
	}
	return nil
}

// setMode writes a mode that outlasts a restart.
func (m *Machine) setMode(mode string) {
	m.modes++
	m.say(Append{core.ModeChanged{Server: m.cfg.Self, Mode: mode, Cause: string(Operator), Count: m.modes}})
}

func (m *Machine) orderTakeover() *core.Failure {
	if m.stand != Standby {
		return nil
	}
	if why := m.against(Operator); why != nil {
		return why
	}
	m.ordered = !m.linked()
	if m.linked() {
		m.say(Send{AskRest{}})
	}
	return nil
}

func (m *Machine) orderHandBack() *core.Failure {
	switch {
	case m.lent:
		m.lent = false
	case m.stand == Standby:
	case !m.linked():
		return refusal(CodePeerResting, "start it first; it asks for its jobs by itself",
			"server %q does not answer: nobody would work on its jobs", m.cfg.Peer)
	case m.ear.view.Rest == Operator:
		m.say(Send{AskReturn{}})
	case m.ear.view.Rest != "":
		return refusal(CodePeerResting, "end that first; it asks for its jobs by itself",
			"server %q rests (%s): nobody would work on its jobs", m.cfg.Peer, m.ear.view.Rest)
	}
	return nil
}
