package main

// The texts are our own. Each is a list of blocks as typeset lays them out.

// block is a paragraph, or lines that are kept as they are.
type block struct {
	text string
	bold bool
	kept bool // lines are not filled; a tab starts the second column
}

func para(text string) block  { return block{text: text} }
func title(text string) block { return block{text: text, bold: true} }
func lines(text string) block { return block{text: text, kept: true} }

func letter() []block {
	return []block{
		lines("Harbour Lane Stationers\n14 Harbour Lane, Northwick"),
		lines("3 March 2025"),
		title("Your order of 24 February"),
		para("Dear Mrs Albright,"),
		para("thank you for your order of twelve boxes of copier paper and two staplers. The paper left our " +
			"warehouse this morning and should reach your office on Thursday. The staplers are made by hand in a " +
			"small workshop, so please allow another week for them."),
		para("You asked whether the brown envelopes are still available. They are, but only in the larger size. " +
			"A sample is enclosed; if it suits you, a short call is enough and we will add a carton to your next " +
			"delivery at the old price."),
		para("Our invoice follows by separate post. As always, it is payable within thirty days."),
		para("With kind regards,"),
		lines("Thomas Weller\nCustomer service"),
	}
}

func note() []block {
	return []block{
		title("To everyone on the second floor"),
		para("The scanner beside the kitchen has a new glass plate. Please remove staples before you feed a " +
			"stack, and wipe the plate with the soft cloth only."),
		para("Scans now arrive in your folder as searchable documents within a minute. Blank backs are left " +
			"out, so you may always choose both sides."),
		para("Questions? Ask Miriam, extension 217."),
	}
}

func invoice() []block {
	return []block{
		title("Invoice 2025-0417"),
		lines("Harbour Lane Stationers\n14 Harbour Lane, Northwick"),
		lines("Customer: Albright and Daughters\nDate: 5 March 2025"),
		lines("12 boxes of copier paper\t214.80\n2 staplers, hand made\t59.00\n1 carton of brown envelopes\t18.50\nDelivery\t7.70"),
		title("Total due 300.00"),
		para("Please pay within thirty days and quote the number of the invoice. Goods remain our property " +
			"until they are paid for."),
	}
}

func minutesFirst() []block {
	return []block{
		title("Minutes of the meeting of 11 February"),
		lines("Present: Ruth Calder, Samuel Okoro, Miriam Stone\nApologies: Peter Lindqvist"),
		title("1. Archive room"),
		para("Samuel reported that the shelves along the north wall are full. Of the four hundred binders, about " +
			"three hundred are older than ten years. It was agreed to scan these during the summer and to keep " +
			"the paper only where the law asks for it."),
		title("2. Heating"),
		para("The radiators in the front office stay cold until noon. Ruth will write to the landlord and ask for " +
			"a date by the end of the month. Until then the two electric heaters may be used, but never without " +
			"someone in the room."),
		title("3. Visitors"),
		para("The school has asked for a tour in May. Everyone liked the idea. Miriam prepares a short talk about " +
			"how a letter travels through the house, from the post bag to the archive."),
	}
}

func minutesSecond() []block {
	return []block{
		title("4. Summer party"),
		para("The garden of the old mill is free on the last Friday in June. Samuel asks the baker for bread and " +
			"the brewery for lemonade. Rain is not planned, but the barn may be used if it comes."),
		title("5. Any other business"),
		para("The coffee fund holds forty-two pounds. A new kettle was thought more urgent than a new rug. The " +
			"next meeting is on 11 March at nine o'clock in the library."),
		lines("Written by Miriam Stone"),
	}
}

func german() []block {
	return []block{
		title("Aushang für alle Büros"),
		para("Ab Montag öffnet die Poststelle schon um sieben Uhr. Größere Pakete geben Sie bitte weiterhin " +
			"über den Hof ab, denn die Tür zur Straße ist für Rollwagen zu schmal."),
		para("Wer Unterlagen prüfen lässt, fügt künftig das gelbe Deckblatt hinzu. Es genügt, Name, Datum und " +
			"Aktenzeichen einzutragen. Rückfragen beantwortet Frau Jäger, Zimmer zwölf."),
	}
}

func french() []block {
	return []block{
		title("Note à l'équipe du matin"),
		para("Le courrier arrive désormais à sept heures. Ceux qui préfèrent numériser les lettres avant la " +
			"réunion trouveront la clé près de la fenêtre. Merci de ranger les dossiers terminés dans l'armoire " +
			"du côté gauche, où ils seront relevés dès midi."),
	}
}

func columns() (left, right []block) {
	return []block{
			title("A bench by the river"),
			para("For thirty years the bench under the chestnut tree belonged to whoever came first. Clerks ate " +
				"their lunch there, and on Sundays the fishermen left their hats on it to keep the place. When " +
				"the flood took it away, nobody could say who had built it."),
			para("The council offered a bench of steel, which the clerks thought too cold."),
		}, []block{
			title("What the carpenter did"),
			para("In April a carpenter from the upper town brought four oak planks and asked for nothing but " +
				"help with the carrying. By evening the bench stood again, a little longer than before, so that " +
				"two fishermen and a clerk may share it."),
			para("A small plate on the back says only this: sit down, the water will wait."),
		}
}

func label() []block { return []block{lines("Archive box 12: letters 2019 to 2021")} }
