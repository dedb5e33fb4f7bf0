# What pages say, in English. Every key is also in vi.ftl: a test compares them.

brand = Một Cửa
brand-more = Ask your administration
skip = Skip to the main content
nav-main = Main
nav-ask = Ask a question
nav-library = Answered
nav-follow = Follow
nav-officers = Officers
nav-inbox = Inbox
nav-edit = Edit
nav-review = Review
nav-reports = Reports
sign-out = Sign out
other-language = Tiếng Việt
footer = Send no state secrets through this site. Complaints and denunciations have a procedure of their own.
next-page = Next page
optional = (optional)
reason = Reason
unit = Unit
field = Field
question = Question
answer = Answer
source = Source

error-title = That did not work
error-passing = Try again in a few minutes. If you have just sent a form, go back one page: what you typed is still there.
error-code = Error code
error-home = To the first page

kind-question = Question
kind-recommendation = Recommendation
kind-report = Report
kind-opinion = Request for an opinion

ask-title = Ask a question
ask-heading = Send a question, a recommendation or a report
ask-kind = What would you like to send?
ask-text = Your text
ask-text-hint = At most 5,000 characters. Leave out identity, account and telephone numbers.
ask-suggestions = Questions already answered
ask-none = No published answer is near to your text yet.
ask-found = This may have been answered already
ask-look = See what was answered already
ask-any-field = Let the system choose who answers
ask-who = About you
ask-who-hint = Kept sealed; only used to tell you the result.
ask-name = Full name
ask-organisation = Organisation or business
ask-email = E-mail
ask-phone = Telephone
ask-send = Send
answered-me = This answered me
answered-me-thanks = Thank you for telling us. You need not send your question any more.

search-title = Search
search-heading = Search what was answered
search-what = What are you looking for?
search-all = All
search-go = Search
search-results = Results
search-count = { $n ->
    [one] One answer is near to your search
   *[other] { $n } answers are near to your search
}
search-none = No published answer is near to that.
search-ask = Send your question

library-title = Answered questions
library-heading = Questions that were answered
library-by-field = By field
library-new = Newly published
library-empty = No answer has been published yet.
library-feed = Subscribe to new answers (Atom)
library-updated = Updated
library-until = Valid until
library-withdrawn = This answer was withdrawn; please do not rely on it.
library-superseded = Another answer took the place of this one.
library-superseded-by = See the new answer
library-not-in-force = This answer is not in force at present.
library-print = To print, use your browser's Print command.
library-others = Field not known

follow-title = Follow
follow-heading = Follow a question
follow-code = Tracking code
follow-code-hint = You were given the code when you sent your question. Capitals, small letters, spaces and dashes are all fine.
follow-show = Show
follow-received = Received
follow-keep = Keep this tracking code to follow your question. Whoever has the code can see question and answer.
follow-qr = QR code of the page to follow it
follow-qr-hint = Scan it with a telephone to open this page there.
follow-promise = An answer is promised by
follow-promise-soon = The promised date appears here once a unit has your question. Load the page again in a few minutes.
follow-answer = Answer
follow-why = Reason
follow-corrected-text = The source's corrected text
follow-withdrawn-text = Show the withdrawn text
follow-published = Published
follow-sources = Sources
follow-rate = Are you satisfied with the answer?
follow-rate-5 = Very satisfied
follow-rate-4 = Satisfied
follow-rate-3 = Neither
follow-rate-2 = Not satisfied
follow-rate-1 = Not satisfied at all
follow-comment = Remarks, or what you still want to know
follow-comment-hint = If you are not satisfied and write something here, the question is opened again with what you wrote.
follow-rate-send = Send rating
follow-rated = Thank you for your rating.
follow-your-rating = Your rating
follow-your-words = You asked further
follow-former = Answer number { $n }
follow-steps = What has happened
notice-corrected-whole = This answer was corrected; below is the new text
notice-corrected-source = A source of this answer was corrected
notice-withdrawn-whole = This answer was withdrawn; please do not rely on it
notice-withdrawn-source = A source of this answer was withdrawn

ticket-unknown = Not known
ticket-received = Received
ticket-routed = In progress
ticket-answered = Answered
ticket-closed = Rated
ticket-withdrawn = Answer withdrawn

milestone-updated = Updated
milestone-received = Received
milestone-routed = Given to a unit
milestone-returned = Returned by the unit, to be assigned again
milestone-answered = Answered
milestone-rated = Rated by the asker
milestone-reopened = Reopened at the asker's wish
milestone-corrected = Answer corrected
milestone-withdrawn = Answer withdrawn

answer-unknown = Not known
answer-drafted = Waiting for an answer
answer-approved = Approved
answer-returned = Returned

band-none = No near answer yet
band-suggest = Answers to look at
band-reuse = Drafted from a published answer

passage-published = Published
passage-withdrawn = Withdrawn
passage-superseded = Superseded
change-corrected = Corrected
change-withdrawn = Withdrawn
change-superseded = Superseded
change-validity = Validity changed
change-imported = Imported again
change-approved = Answered again
review-expired = No longer valid
review-basis = Its basis is not in force

role-officer = Officer
role-dispatcher = Dispatcher
role-editor = Editor
role-analyst = Analyst
role-operator = Operator
role-service = Service

form-reason = Reason
form-by = Code of the answer that takes its place
form-from = Valid from
form-until = No longer valid from
form-basis = Basis
form-member = Code of the question to join

sign-in-title = Sign in
sign-in-heading = Officers sign in
sign-in-expired = Your session has ended. Please sign in again.
sign-in-token = Sign-in code
sign-in-hint = The operator issues it with the command
sign-in-go = Sign in

inbox-title = Inbox
inbox-heading = Questions waiting for an answer
inbox-empty = No question is waiting.
inbox-none-here = No question is of this sort.
inbox-filter = Filter
inbox-all = All
inbox-overdue = Overdue
inbox-drafted = With a draft
inbox-families = With likes
inbox-first = Counted among the { $n } most urgent.
inbox-due = Due
inbox-text = Text
inbox-draft = Draft
inbox-family = { $n ->
    [one] ×1 alike
   *[other] ×{ $n } alike
}
inbox-keys = Keys: J and K move between questions, Enter opens one.
done-approved = Approved; the answer is sent.
done-returned = The question was returned to be assigned again.
done-moved = The question was moved.

reply-title = Reply
reply-due = Due
reply-overdue = overdue
reply-sent = Sent
reply-waits-with = This question waits to be answered with
reply-answered-with = This question is answered with
reply-centre = the first of its family
reply-approved = Approved answer
reply-proposal = What the system proposes
reply-probability = Probability that it answers this question
reply-text = Your reply
reply-sources = Nearest sources
reply-sources-hint = Marked words are where the two questions differ. Tick the sources to cite; none ticked: the draft's own is cited.
reply-cite = Cite this source
reply-asked = Asked now
reply-stored = Answered before
reply-its-answer = The source's answer
reply-alike = Similarity
reply-same = same question
reply-approve = Approve and send
reply-approve-family = Approve and send to the whole family
reply-approve-keys = Key: Ctrl + Enter in the reply.
reply-family-hint = { $n ->
    [one] The answer goes to the asker and to the question alike below.
   *[other] The answer goes to the asker and to the { $n } questions alike below.
}
reply-member-probability = same question with probability { $share }
reply-detach = Take out of the family
reply-attach = Join another question to this family
reply-attach-code = Code of the question to join
reply-attach-hint = (the last part of that question's address)
reply-attach-go = Join
reply-return = Return the question
reply-return-unit = Unit in charge
reply-return-known = (if you know)
reply-return-desk = Let the dispatcher decide
reply-return-go = Return
reply-move = Move to a unit
reply-move-choose = Choose a unit
reply-move-go = Move

edit-title = Edit
edit-heading = Edit the store of answers
edit-store = Store of answers
edit-state = State
edit-store-empty = There is no such answer.
edit-open = Open by the answer's code
edit-open-go = Open
edit-reviews = To be reviewed
edit-reviews-hint = These answers are not reused until they have been reviewed.
edit-reviews-none = No answer is to be reviewed.
edit-since = Since
edit-pairs = Answers that contradict each other
edit-pairs-none = No answers contradict each other.
edit-found-at = Found
edit-compatible = No contradiction
edit-compatible-go = Record
edit-reused = In reuse
edit-not-reused = Not reused
edit-replaced-by = Replaced by
edit-copy = It repeats the answer below word for word and changes with it. A correction here sets this one apart.
edit-received = { $n ->
    [one] one person received it
   *[other] { $n } people received it
}
edit-told = version { $version }: { $told } told, { $waiting } still to be told
edit-correct = Correct
edit-correct-text = The right text
edit-reason-sent = (sent to those who received it)
edit-correct-go = Correct and send again
edit-validity = Validity and basis
edit-basis-hint = (codes of the catalogue, one a line)
edit-validity-go = Save validity
edit-supersede = Replace by another answer
edit-supersede-go = Replace
edit-withdraw = Withdraw
edit-trace = Trace
edit-before = The text until then

reports-title = Reports
reports-days = Days until today
reports-none = No figures yet.
reports-hot = Hotness by field
reports-asked = Questions
reports-share = Beside the hottest field
reports-deadlines = Deadlines by unit
reports-on-time = On time
reports-late = Late
reports-open = Open
reports-open-overdue = Open and overdue
reports-on-time-share = On-time share
reports-satisfaction = Satisfaction
reports-ratings = Ratings
reports-few = (few)
reports-mean = Mean score
reports-satisfied = Satisfied
reports-interval = 95% interval

## Deadlines, automatic answers, suggestions
waits-asker = waiting for the asker
waits-other = waiting for another body
span-hours = working hours
span-days = working days
span-calendar = days
step-near = Due soon
step-first-response = First response is overdue
step-due = Due now
step-long = Long overdue
step-escalated = { $leader } was told
milestone-paused = The clock was stopped
milestone-resumed = The clock runs on
milestone-extended = The deadline was extended
milestone-hastened = Made urgent
clock-title = Deadline
clock-urgent = Urgent
clock-paused = Paused
clock-extended = extended
clock-left = { $hours } h { $minutes } min of working time left.
clock-first = First response before
clock-resume = Let the clock run on
clock-pause = Stop the clock
clock-pause-go = Stop
clock-whom = Waiting for
clock-what = What is missing
clock-asker-reads = (the asker reads it)
clock-extend = Extend
clock-number = Extend by
clock-most = at most
clock-approver = Approved by
clock-hasten = Make urgent
clock-now = now
clock-was-paused = { $since } – { $until }: stopped, { $what }. Reason: { $reason } ({ $by })
clock-was-extended = { $at }: extended by { $number } { $unit }, due before { $before }. Reason: { $reason }. Approved by: { $approver } ({ $by })
reports-extended-on-time = Extended, on time
reports-extended-late = Extended, late
follow-waits-asker = Waiting for more from you
follow-waits-other = Waiting for another body
follow-paused = the deadline stands still and runs on afterwards.
follow-extended-why = Why it was extended
follow-basis = The deadline rests on
follow-automatic = This answer was sent automatically from a question like yours; no officer has looked at it.
follow-not-answered = This did not answer my question
follow-not-answered-hint = An officer takes the question at once. You may add a word (optional).
reply-rejected = The draft answers another question
reply-rejected-hint = (teaches the system)
reply-suggested = Suggested from questions like it:
ask-insist = This is a question, not that: send it all the same
