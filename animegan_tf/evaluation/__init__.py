"""How good generated pictures are, in figures and on a page.

features    feature networks: what a picture looks like, in numbers
kid         how far two sets of pictures are apart
distances   what a result keeps of its photo, and the faults that generators are known for
judge       all of them, for one generator
page        a page with photos before and after
"""
